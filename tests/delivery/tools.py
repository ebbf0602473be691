"""What `scripts/setup --services` put aside for these tests, and a skip with its reason where it could not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PREPARED = ROOT / ".venv" / "delivery"


def prepared(name: str) -> Path:
    """A file or folder of `.venv/delivery`."""
    if not (PREPARED / name).exists():
        pytest.skip(f"{name} is missing: run scripts/setup --services and see what it says")
    return PREPARED / name


def beside_python(name: str) -> str:
    """A program that came with the tools of development."""
    return str(Path(sys.executable).with_name(name))


def run(*command: str | Path, cwd: Path = ROOT, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=600
    )


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The manifests of a kustomization, rendered by the real program. Skips where there is none: no package index has it."""
    if shutil.which("kubectl"):
        done = run("kubectl", "kustomize", folder)
    elif shutil.which("kustomize"):
        done = run("kustomize", "build", folder)
    else:
        pytest.skip("neither kubectl nor kustomize is installed")
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
