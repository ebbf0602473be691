"""Writes the examples of the rules as projects, so that tests and `explain` can show that they are true."""

from __future__ import annotations

from pathlib import Path

from reconciler.config import catalogs
from reconciler.config.rules import examples
from reconciler.config.rules.base import Example


def write(example: Example, root: Path) -> Path:
    """Lay an example out below `root` and return its project file."""
    (root / "config").mkdir(parents=True, exist_ok=True)
    (root / "config" / "example.yaml").write_text(example.text, newline="")
    project = root / "reconcile.yaml"
    project.write_text(example.project or examples.PROJECT)
    if not example.alone:
        _write_base(example, root)
    for path, text in example.files.items():
        (root / path).write_text(text)
    catalog = root / "catalog" / "acme-cs.json"
    if example.catalog_text is not None:
        catalog.parent.mkdir(exist_ok=True)
        catalog.write_text(example.catalog_text)
    elif example.catalog and not example.alone:
        catalogs.write(catalog, examples.CATALOG)
    return project


def _write_base(example: Example, root: Path) -> None:
    """The connections that the example does not declare itself, told by what stands in them besides their name."""
    for name, text in examples.BASE.items():
        if text.splitlines()[4] not in example.text:
            (root / "config" / f"{name}.yaml").write_text(text)
