"""Projects in temporary folders, made of text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.config.load import LoadedProject, load_project
from reconciler.config.rules import examples
from reconciler.model.diagnostic import Diagnostic

PROJECT = examples.PROJECT


def write(root: Path, files: Mapping[str, str | bytes], project: str = PROJECT) -> Path:
    """A project with these files, paths relative to `root`."""
    for path, content in {"reconcile.yaml": project, **files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def load(root: Path, files: Mapping[str, str | bytes] | None = None, *, cache: bool = False) -> LoadedProject:
    if files is not None:
        write(root, files)
    return load_project(root, root, use_cache=cache)


def codes(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> list[str]:
    return sorted(diagnostic.code for diagnostic in diagnostics)
