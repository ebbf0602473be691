"""The projects that `init` and `demo` write, from the templates beside this module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from reconciler import errors


def write_project(folder: Path, templates: Sequence[str], values: Mapping[str, str]) -> list[Path]:
    """Write the files of templates into `folder` and return them. Raises `errors.UsageError` rather than overwrite one."""
    root = files("reconciler.cli").joinpath("templates")
    texts = {path: text.read_text() for name in templates for path, text in _texts(root.joinpath(name), Path())}
    texts = {folder / path: Template(text).substitute(values) for path, text in texts.items()}
    texts[folder / ".gitignore"] = root.joinpath("gitignore").read_text()
    existing = sorted(str(path) for path in texts if path.exists())
    if existing:
        raise errors.UsageError(f"{existing[0]} is there already", hint="choose an empty folder; nothing was written")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    except OSError as problem:
        raise errors.ReconcileError(f"cannot write {problem.filename}: {problem.strerror}") from None
    return sorted(texts)


def _texts(folder: Traversable, below: Path) -> Iterator[tuple[Path, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _texts(entry, below / entry.name)
        else:
            yield below / entry.name, entry
