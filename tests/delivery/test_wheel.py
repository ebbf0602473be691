"""The wheel: built, installed into a fresh environment, and used where no source tree is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import reconciler
from tests.delivery.tools import ROOT, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A virtual environment with the wheel, and an empty folder to work in."""

    wheel: Path
    python: Path
    folder: Path

    def reconcile(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        # Of the settings of the tests only those that keep them on this machine.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        return subprocess.run(
            [str(self.python.with_name("reconcile")), *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The source is copied first: a build leaves folders behind, and what an earlier one left must not get into this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "reconciler", source / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    built = run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, source)
    assert built.returncode == 0, built.stderr
    shutil.rmtree(source)
    [wheel] = folder.glob("*.whl")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    assert made.returncode == 0, made.stderr
    python = folder / "venv" / "bin" / "python"
    put = run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel)
    assert put.returncode == 0, put.stderr
    _lend_dependencies(python)
    (folder / "empty").mkdir()
    return Installed(wheel=wheel, python=python, folder=folder / "empty")


def _lend_dependencies(python: Path) -> None:
    """Packages that the wheel depends on, from the environment of the tests. Its own link to the checkout is not followed."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(run(python, "-c", code).stdout.strip())
    (own / "lent.pth").write_text("\n".join({sysconfig.get_path(name) for name in ("purelib", "platlib")}), "utf-8")


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    done = run(installed.python, "-c", "import reconciler; print(reconciler.__file__)", cwd=installed.folder)
    assert Path(done.stdout.strip()).is_relative_to(installed.python.parents[1]), done.stderr


def test_it_holds_every_file_of_the_package_except_what_is_for_tests(installed: Installed) -> None:
    package = ROOT / "reconciler"
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(package / "testing")
    }
    with zipfile.ZipFile(installed.wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_a_project_can_be_started_and_checked(installed: Installed) -> None:
    version = installed.reconcile("--version")
    assert (version.returncode, version.stdout) == (0, f"reconcile {reconciler.__version__}\n"), version.stderr
    for arguments in (
        (
            "init",
            "mine",
            "--name",
            "acme",
            "--domain",
            "acme.example.com",
            "--tenant",
            "acme-en",
            "--region",
            "eu-west-1",
        ),
        ("validate", "--project", "mine"),
        ("explain", "E-LOOKUP"),
        ("schema", "--out", "schemas"),
    ):
        done = installed.reconcile(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    written = {path.name for path in (installed.folder / "schemas").iterdir()}
    assert written == {path.name for path in (ROOT / "schemas").iterdir()}


def test_the_whole_story_runs(installed: Installed) -> None:
    """With a database made by the migrations in the wheel, and the sandbox that is in it."""
    done = installed.reconcile("demo", "--folder", "demo", "--people", "20")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
