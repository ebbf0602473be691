"""Files of aliases that imports name: read once, their content put into the documents: a changed file is a changed document."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reconciler import errors
from reconciler.config import discovery
from reconciler.config.facts import Entry
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.document import COMMUNITY_IMPORT, Document
from reconciler.model.json import Json

KEY = "aliasesFile"
MAX_BYTES = 4 * 1024 * 1024

_EMAIL = re.compile(r"[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+")
"""Only the first dot that could part two names is tried: a text of nothing but dots would take forever otherwise."""

_DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasFile:
    """One file. `missing` says why it could not be read and what to do, `problems` what is wrong with its content."""

    path: str
    sha: str
    aliases: Mapping[str, str]
    missing: tuple[str, str | None] | None = None
    problems: tuple[Diagnostic, ...] = ()
    size: int = 0

    @property
    def usable(self) -> bool:
        return self.missing is None and not self.problems


def wrong(alias: str, meant: str) -> tuple[str, str] | None:
    """Why something is no alias, with a hint."""
    if not alias.strip() or not meant.strip():
        return "an alias is empty", "write what is meant, or remove the line"
    if not (_EMAIL.fullmatch(alias) or _DOMAIN.fullmatch(alias) or (alias.isascii() and alias.isdigit())):
        return "this is no e-mail address, member id or domain", 'write it as "anna@acme.com", "1234" or "acme.com"'
    if _DOMAIN.fullmatch(alias) and _EMAIL.fullmatch(meant):
        return "a domain stands for a company, not for a person", "write the name of the company"
    # Only where there are aliases at all: it takes a moment to import.
    from reconciler.records.resolution.aliases import alias_of

    try:
        found = alias_of(alias, meant)
    except ValueError as problem:
        return str(problem), "write an e-mail address, or the name of a company with letters or digits in it"
    if not (found.email if _EMAIL.fullmatch(alias) else found.domain if _DOMAIN.fullmatch(alias) else found.member):
        return "nobody has an address like that, or below it", 'write it as "anna@acme.com" or "acme.com"'
    return None


def clashes(aliases: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Entries that mean the same as an earlier one and lead to somebody else, each with why and a hint. `wrong` says nothing
    of any of them."""
    from reconciler.records.resolution import aliases as table

    for alias, earlier in table.clashes(aliases):
        why = f"'{alias}' and '{earlier}' are one to the rules, and stand for different people or companies"
        yield alias, (why, "keep one of the two")


def named(entry: Entry) -> str | None:
    """The path, from the config root, of the file that an import names."""
    identity = entry.document.spec.get("identity") if entry.document.id.kind == COMMUNITY_IMPORT else None
    name = identity.get(KEY) if isinstance(identity, Mapping) else None
    return str(PurePosixPath(entry.origin.file).parent / name) if isinstance(name, str) else None


def read(root: Path, path: str) -> AliasFile:
    """The content of a file, or why there is none: what cannot be read is an error, never an empty table."""
    try:
        why = discovery.unusual(root, path)
        data = b"" if why else discovery.read(root, path, MAX_BYTES)
    except errors.ConfigIncomplete as error:
        hint = f"`{KEY}` is read from the folder of this document: correct it, or put the file there"
        return _missing(path, error.message, hint)
    if why:
        return _missing(path, why, "put the file itself there")
    if len(data) > MAX_BYTES:
        return _missing(
            path, f"{path} is larger than 4 MiB", "members of one company need one alias, that of its domain"
        )
    aliases, problems = parse(data, path)
    return AliasFile(
        path=path, sha=hashlib.sha256(data).hexdigest(), aliases=aliases, problems=problems, size=len(data)
    )


def _missing(path: str, why: str, hint: str | None) -> AliasFile:
    return AliasFile(path=path, sha=f"missing: {why}", aliases={}, missing=(why, hint))


def parse(data: bytes, path: str) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """The aliases in a YAML file of one mapping, from text to text, and everything that is wrong with it."""
    from reconciler.config import loader

    loaded = loader.load(data, path)
    if loaded.problems:
        return {}, loaded.problems
    content = loaded.documents[0].data if len(loaded.documents) == 1 else None
    if not isinstance(content, dict) or not content:
        hint = "write one line for each: `old@acme.com: new@acme.com`"
        return {}, (_problem("a file of aliases is one mapping", hint, Position(path, 1, 1)),)
    places = loader.places(data, path)
    problems = []
    for alias, meant in content.items():
        if not isinstance(meant, str):
            found: tuple[str, str] | None = (f"'{alias}' does not stand for a text", "write one name or e-mail address")
        else:
            found = wrong(alias, meant)
        if found:
            problems.append(_problem(*found, places.key(0, (alias,))))
    if not problems:
        problems = [_problem(*found, places.key(0, (alias,))) for alias, found in clashes(content)]
    return ({} if problems else dict(content)), tuple(problems[:100])


def _problem(message: str, hint: str, where: Position) -> Diagnostic:
    return Diagnostic(code="E-ALIASES", message=message, hint=hint, position=where)


def included(entry: Entry, file: AliasFile) -> Entry:
    """The document with the content of its file in place of the name."""
    document = entry.document
    identity = document.spec["identity"]
    assert isinstance(identity, Mapping)
    known: dict[str, Json] = {key: value for key, value in identity.items() if key != KEY}
    known["aliases"] = {alias: file.aliases[alias] for alias in sorted(file.aliases)}
    spec = {**document.spec, "identity": known}
    return replace(entry, document=Document(id=document.id, spec=spec, labels=document.labels), included=file.path)


def problems(file: AliasFile, where: Position) -> tuple[Diagnostic, ...]:
    """What is wrong with a file that an import names at `where`."""
    if file.missing is not None:
        message, hint = file.missing
        return (Diagnostic(code="E-PATH", message=message, hint=hint, position=where),)
    return file.problems
