"""What the rules found in a project, and its forms for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.report.sarif import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All findings of one project. `own` are its places that no output may replace."""

    root: Path
    project_file: str
    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    own: tuple[Path, ...]

    @property
    def prefix(self) -> str:
        """From the root of the git repository to the config root, as annotations need it: `ops/config/`. Empty outside git."""
        for folder in (self.root, *self.root.parents):
            if (folder / ".git").exists():
                path = self.root.relative_to(folder).as_posix()
                return "" if path == "." else f"{path}/"
        return ""


def find(project: Path | None, *, cache: bool, online: bool = False) -> Findings:
    """Load and check. Errors of the project file are findings like any other, so that they are reported in every form."""
    from reconciler import errors
    from reconciler.cli.load import load, place

    try:
        loaded = load(project, cache=cache)
    except errors.ConfigInvalid as invalid:
        (file,) = invalid.files
        return Findings(
            root=Path(invalid.root),
            project_file=file,
            files=invalid.files,
            diagnostics=invalid.diagnostics,
            own=(Path(file),),
        )
    if online:
        loaded = load(project, online=True)
    return Findings(
        root=loaded.root,
        project_file=loaded.project_file,
        files=loaded.files,
        diagnostics=loaded.diagnostics,
        own=tuple(place(loaded).own_places),
    )


def save(findings: Findings, output: str, path: Path, *, strict: bool) -> None:
    """Write a form to a file, which is replaced whole."""
    from reconciler.cli.files import refuse_own, write_atomically

    refuse_own(path, findings.root, findings.own)
    write_atomically(path, render(findings, output, strict=strict, coloured=False))


def render(findings: Findings, output: str, *, strict: bool, coloured: bool = True) -> str:
    """What `validate` says, with its final line break."""
    from reconciler.report import diagnostics as report

    match output:
        case "json":
            return report.to_json(findings.diagnostics)
        case "github":
            return report.to_github(findings.diagnostics, prefix=findings.prefix)
        case "sarif":
            return _sarif(findings)
        case "junit":
            from reconciler.report.junit import to_junit

            return to_junit(findings.diagnostics, files=findings.files, strict=strict, prefix=findings.prefix)
        case _:
            return _text(findings, coloured)


def _text(findings: Findings, coloured: bool) -> str:
    from reconciler.cli.terminal import output_style
    from reconciler.config.load import shown_source
    from reconciler.report.diagnostics import to_text
    from reconciler.report.text import PLAIN

    return to_text(
        findings.diagnostics,
        source=lambda file: shown_source(findings.root, file),
        files=findings.files,
        style=output_style() if coloured else PLAIN,
    )


def _sarif(findings: Findings) -> str:
    from reconciler import __version__
    from reconciler.report.sarif import to_sarif

    return to_sarif(
        findings.diagnostics,
        rules=list(_rules()),
        version=__version__,
        project_file=findings.project_file,
        prefix=findings.prefix,
    )


def _rules() -> Iterator[Rule]:
    from reconciler.config.rules import RULES, pages
    from reconciler.report.sarif import Rule

    texts = pages.pages()
    for rule in RULES.values():
        yield Rule(
            code=rule.code,
            title=rule.title,
            why=rule.why,
            fix=rule.fix,
            severity=rule.severity,
            help=texts[f"{rule.code}.md"],
        )
