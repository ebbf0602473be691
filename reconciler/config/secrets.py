"""Secret references: their values are read here, on demand, and kept out of everything the program says."""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

from reconciler import errors
from reconciler.model.resources import SecretRef

MAX_SECRET_BYTES = 64 * 1024

SECRET_KEY = re.compile(
    r"secret|passw|webhook|^url$|token|credential|client[-_]?\w|acces+[-_]?key|api[-_]?key|private[-_]?key|[a-z_-]key\b|\w_key",
    re.IGNORECASE,
)
"""Names of keys under which people put secrets, misspelled ones included. Values below them are never shown."""


def resolve(ref: SecretRef, root: Path) -> str:
    """The value of a secret; a relative file is found from `root`. Raises `errors.SecretUnavailable`."""
    value = os.environ.get(ref.name, "") if ref.source == "env" else _from_file(ref, root)
    if not value.strip():
        how = (
            f"set the environment variable {ref.name}"
            if ref.source == "env"
            else f"the file {ref.name} is empty: put the secret into it"
        )
        raise errors.SecretUnavailable(f"the secret {ref} is missing or empty", hint=how)
    if not value.isprintable():
        holder = "the file" if ref.source == "file" else "the variable"
        raise errors.SecretUnavailable(
            f"the secret {ref} has a line break or another character that no secret has",
            hint=f"{holder} must hold the secret and nothing else, in one line of plain text",
        )
    return value


def _from_file(ref: SecretRef, root: Path) -> str:
    try:
        data = _read(root / ref.name)
    except FileNotFoundError:
        hint = f"there is no file {ref.name}: put the secret into it, or correct the path"
        raise errors.SecretUnavailable(f"the secret {ref} is missing or empty", hint=hint) from None
    except (OSError, ValueError) as error:
        reason, hint = _unreadable(error)
        raise errors.SecretUnavailable(f"the secret {ref} cannot be read: {reason}", hint=hint) from None
    if len(data) > MAX_SECRET_BYTES:
        hint = "is it the right file? It must hold the secret and nothing else"
        raise errors.SecretUnavailable(f"the secret {ref} is larger than 64 KiB", hint=hint)
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        hint = "is it the right file? It must hold the secret and nothing else, as plain text"
        raise errors.SecretUnavailable(f"the secret {ref} is not UTF-8 text", hint=hint) from None


def _read(path: Path) -> bytes:
    """At most `MAX_SECRET_BYTES` + 1 bytes. Only regular files: opening a pipe or a terminal would wait for ever."""
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:  # noqa: PTH123 (a descriptor)
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise IsADirectoryError if stat.S_ISDIR(mode) else ValueError
        return file.read(MAX_SECRET_BYTES + 1)


def _unreadable(error: OSError | ValueError) -> tuple[str, str]:
    """Why a file cannot be read, with a hint."""
    match error:
        case IsADirectoryError():
            return "it is a folder", "name the file in it"
        case PermissionError():
            return "permission denied", "let the user who runs this command read the file"
        case OSError(strerror=str(reason)):
            return reason.lower(), "correct the path"
    return "it is no ordinary file", "name a file that holds the secret and nothing else"


class Redactor:
    """Replaces known secrets in any text, also where they stand URL-encoded or in base64."""

    MASK = "[secret]"

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._forms: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide `secret` from now on."""
        if secret:
            self._forms |= _forms(secret)
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return self._pattern.sub(self.MASK, text) if self._pattern else text


def _forms(secret: str) -> set[str]:
    data = secret.encode("utf-8", "surrogateescape")
    encoded = {quote(data, safe=""), quote(data), quote_plus(data)}
    forms = {secret, *encoded, *(re.sub("%[0-9A-F]{2}", lambda m: m.group().lower(), form) for form in encoded)}
    # Inside a longer base64 text (`id:secret`) a secret can start at any of three places; its outer characters then
    # depend on its neighbours, so the part that does not is what can be found.
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        stable = padded[(0, 2, 3)[shift] : len(padded) - (1 if (len(data) + shift) % 3 else 0)]
        if len(stable) >= 8:
            forms |= {stable, stable.replace("+", "-").replace("/", "_")}
    return forms


_IN_URL = re.compile(
    r"(?<=://)\S*(?=@)|(?:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=))[^&\s\"']+", re.IGNORECASE
)
_KEY = re.compile(r"[\"']?([\w.-]+)[\"']?\s*:(?=\s|$|[\"'{\[])")
_ENV_OR_FILE = r"(?:env\s*:\s*[\"']?[A-Za-z_]\w*|file\s*:\s*[\"']?[\w./-]+)[\"']?"
_REFERENCE = re.compile(rf"\s*\{{\s*{_ENV_OR_FILE}\s*\}}")
_REFERENCE_LINE = re.compile(rf"\s*{_ENV_OR_FILE}\s*(?:#.*)?")


def mask_source(text: str) -> str:
    """The text of a configuration file as it may be shown: what stands below a key that looks like a secret is starred out.

    It works on lines and columns of text that may not even be YAML, keeps both, and hides rather too much than too little.
    """
    shown: list[str] = []
    inside: int | None = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and indent <= inside and not line.startswith("#"):
            inside = None
        if inside is not None:
            shown.append(line if _REFERENCE_LINE.fullmatch(line) else _stars(line, indent))
            continue
        masked, opened = _mask_line(line)
        inside = indent if opened else None
        shown.append(_IN_URL.sub(lambda m: "*" * len(m.group()), masked))
    return "\n".join(shown)


def _mask_line(line: str) -> tuple[str, bool]:
    """The line, masked, and whether the value of a secret may go on below."""
    at = 0
    while found := _KEY.search(line, at):
        at = found.end()
        if not SECRET_KEY.search(found.group(1)):
            continue
        reference = _REFERENCE.match(line, at)
        if reference:
            at = reference.end()
            continue
        return _stars(line, at), True
    return line, False


def _stars(line: str, start: int) -> str:
    return line[:start] + re.sub(r"\S", "*", line[start:])
