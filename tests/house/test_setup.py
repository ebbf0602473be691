"""`scripts/setup` on machines that lack something: stand-ins for Python, apt-get and id say what they were asked."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("cat", "chmod", "cksum", "cp", "dirname", "env", "mkdir", "mktemp", "rm", "sh", "tail")

# A Python that can make virtual environments once the file `venv-package` exists; the one it makes is a copy of itself.
PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case $* in
    *ensurepip*) [ -e "$MACHINE/venv-package" ] ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip install "*) [ ! -e "$MACHINE/no-packages" ] || { echo "no matching distribution" >&2; exit 1; } ;;
esac
"""
APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
case $* in *python3-venv*) echo >"$MACHINE/venv-package" ;; esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A checkout in a path with a space, and a PATH on which nothing stands but what a test puts there."""

    folder: Path
    checkout: Path

    def add(self, name: str, text: str) -> None:
        program = self.folder / "bin" / name
        program.write_text(text)
        program.chmod(0o755)

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.folder / "bin"),
            "HOME": "",
            "MACHINE": str(self.folder),
            "CALLS": str(self.folder / "calls"),
        }
        command = [str(self.checkout / "scripts" / "setup"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def calls(self, word: str) -> list[str]:
        """The calls so far that contain a word."""
        path = self.folder / "calls"
        return [line for line in path.read_text().splitlines() if word in line] if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout = tmp_path / "a checkout"
    for name in ("scripts/setup", "pyproject.toml", "reconciler/__init__.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        program = shutil.which(tool)
        assert program, tool
        (tmp_path / "bin" / tool).symlink_to(program)
    bare = Machine(folder=tmp_path, checkout=checkout)
    bare.add("id", "#!/bin/sh\necho 0\n")
    return bare


def test_without_python_the_message_names_the_packages(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 1
    assert "no Python 3.11 or newer" in done.stderr
    assert "install the package(s): python3 python3-venv" in done.stderr


def test_without_the_venv_package_the_message_names_it(machine: Machine) -> None:
    machine.add("python3.12", PYTHON)
    done = machine.setup()
    assert done.returncode == 1
    assert "install the package(s): python3.12-venv" in done.stderr


def test_root_with_apt_get_installs_the_venv_package(machine: Machine) -> None:
    machine.add("python3", PYTHON)
    machine.add("apt-get", APT_GET)
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["update", "install"]
    assert "setup: installing python3-venv with apt-get" in done.stdout


def test_others_than_root_install_no_system_package(machine: Machine) -> None:
    machine.add("python3", PYTHON)
    machine.add("apt-get", APT_GET)
    machine.add("id", "#!/bin/sh\necho 1000\n")
    assert machine.setup().returncode == 1
    assert machine.calls("apt-get") == []


@pytest.fixture
def ready(machine: Machine) -> Machine:
    machine.add("python3", PYTHON)
    (machine.folder / "venv-package").touch()
    assert machine.setup().returncode == 0
    return machine


def test_nothing_changed_means_nothing_done(ready: Machine) -> None:
    before = ready.calls("")
    done = ready.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ready.calls("") == before


def test_a_changed_project_file_is_installed_again(ready: Machine) -> None:
    with (ready.checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert ready.setup().returncode == 0
    assert len(ready.calls("-m pip install")) == 2
    assert len(ready.calls("-m venv")) == 1


def test_the_tools_of_development_are_one_step_more_and_include_the_rest(ready: Machine) -> None:
    assert ready.setup("--dev").returncode == 0
    assert ready.calls("-m pip install")[-1].endswith("-e .[dev]")
    (ready.checkout / ".venv" / ".ready-run").unlink()
    assert ready.setup().stdout == ""


def test_a_moved_checkout_is_set_up_again(ready: Machine) -> None:
    moved = Machine(folder=ready.folder, checkout=ready.checkout.rename(ready.folder / "moved"))
    assert moved.setup().returncode == 0
    assert len(moved.calls("-m venv")) == 2
    assert moved.setup().stdout == ""


def test_a_venv_that_was_interrupted_is_made_anew(ready: Machine) -> None:
    (ready.checkout / ".venv" / "bin" / "python").unlink()
    done = ready.setup()
    assert done.returncode == 0
    assert ".venv is unusable" in done.stdout
    assert len(ready.calls("-m venv")) == 2


def test_a_failed_installation_shows_why_and_is_tried_again(ready: Machine) -> None:
    (ready.folder / "no-packages").touch()
    failed = ready.setup("--dev")
    assert failed.returncode == 1
    assert "no matching distribution" in failed.stderr
    (ready.folder / "no-packages").unlink()
    assert ready.setup("--dev").returncode == 0


def test_an_unknown_argument_is_refused(machine: Machine) -> None:
    done = machine.setup("--everything")
    assert done.returncode == 1
    assert "unknown argument: --everything" in done.stderr


def test_what_the_tests_of_delivery_need_may_be_missing(machine: Machine) -> None:
    """Each part that cannot be had is named, nothing half-made stays behind, and the rest of the tests can run."""
    script = machine.checkout / "scripts" / "setup_delivery"
    shutil.copy(ROOT / "scripts" / "setup_delivery", script)
    python = machine.checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho half\necho 'no index' >&2\nexit 1\n")
    python.chmod(0o755)
    environment = {"PATH": str(machine.folder / "bin")}
    done = subprocess.run([str(script)], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "half\nno index\n")
    assert done.stdout == "setup: compose failed: the tests that need it will be skipped\n"
    assert list((machine.checkout / ".venv" / "delivery").iterdir()) == []
