"""The image: really built and run, without a network and on a base made of Debian packages, because none can be pulled."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import reconciler
from tests.delivery.tools import ROOT, prepared, run

NO_CONTAINERS = "no container can be run here: it takes root, podman and runc, and a system that lets them"
BASE = "localhost/base"
IMAGE = "localhost/reconcile"

# Limits may only be lowered where the tests themselves run in a container.
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")
LOCKED_UP = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
STATE = "--volume=/config/var"


@dataclass(frozen=True, slots=True, kw_only=True)
class Podman:
    """Podman with a store of its own, which goes when the tests end."""

    folder: Path

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        store = ("--root", self.folder / "s", "--runroot", self.folder / "r", "--storage-driver", "overlay")
        return run("podman", *store, "--runtime", "runc", "--cgroup-manager", "cgroupfs", *arguments)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A container that may do as little as possible, to its end."""
        return self("run", "--rm", *LIMITS, *LOCKED_UP, *arguments)

    def inspect(self) -> dict[str, Any]:
        [found] = json.loads(self("image", "inspect", IMAGE).stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Podman with the base image in it. The path is short, because sockets are below it."""
    if not (shutil.which("podman") and shutil.which("runc")):
        pytest.skip(NO_CONTAINERS)
    base = prepared("base.tar")
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    podman = Podman(folder=folder)
    try:
        podman("import", base, BASE)
        tried = podman.run(BASE, "true")
        if tried.returncode != 0:
            print(tried.stderr)
            pytest.skip(NO_CONTAINERS)
        yield podman
    finally:
        podman("rm", "--all", "--force", "--time", "0")
        podman("rmi", "--all", "--force")
        podman("unmount", "--all")
        subprocess.run(["umount", str(folder / "s" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def image(podman: Podman) -> Podman:
    """The image, built from this checkout as anybody would, except that packages come from a folder."""
    wheels = prepared("wheels")
    settings = podman.folder / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /wheels\n", "utf-8")
    done = podman(
        *("build", "--isolation", "chroot", "--format", "docker", "--pull=never", "--layers=false"),
        *("--build-arg", f"BASE={BASE}", "--build-arg", f"VERSION={reconciler.__version__}"),
        *("--secret", f"id=pipconf,src={settings}", "--volume", f"{wheels}:/wheels:ro", "--tag", IMAGE, ROOT),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return podman


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A project that is mounted read-only; what the program writes has a volume in it."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "examples" / "configs" / "sandbox", folder, ignore=shutil.ignore_patterns("var"))
    (folder / "var").mkdir()
    # The folders of tests are for their owner only, and the image is somebody else.
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(0o755)
    return folder


def test_what_the_image_says_of_itself(image: Podman) -> None:
    found = image.inspect()
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["reconcile"]
    assert config["Cmd"] == ["run", "--project", "/config", "--listen", "0.0.0.0:8080", "--log-format", "json"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["WorkingDir"] == "/config"
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    assert found["Healthcheck"]["Test"] == ["CMD", "reconcile", "health"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["version"] == reconciler.__version__
    assert {"title", "description", "licenses", "revision"} <= set(labels)


def test_it_starts(image: Podman) -> None:
    done = image.run(IMAGE, "--version")
    assert (done.returncode, done.stdout) == (0, f"reconcile {reconciler.__version__}\n"), done.stderr


def test_nothing_that_builds_is_left(image: Podman) -> None:
    script = 'ls /opt /src /dist 2>/dev/null; command -v gcc make; python3 -c "import reconciler, pip"'
    done = image.run("--entrypoint", "sh", IMAGE, "-c", script)
    assert done.stdout.split() == ["/opt:", "reconcile"]
    assert "No module named 'pip'" in done.stderr


def test_only_two_folders_can_be_written(image: Podman) -> None:
    """Without a read-only root: what the permissions alone hold."""
    script = "find / -xdev -type d -writable ! -path '/proc/*' ! -path '/dev/*'; id -u; id -un"
    done = image("run", "--rm", *LIMITS, "--network=none", "--entrypoint", "sh", IMAGE, "-c", script)
    *folders, number, name = done.stdout.split()
    assert set(folders) <= {"/tmp", "/var/tmp", "/var/lib/reconcile", "/config/var", "/run/lock"}
    assert {"/config/var", "/var/lib/reconcile"} <= set(folders)
    assert (number, name) == ("10001", "reconcile")


def test_a_project_is_validated_and_applied_with_a_read_only_root(image: Podman, example: Path) -> None:
    mounted = ("--volume", f"{example}:/config:ro", STATE)
    done = image.run(*mounted, IMAGE, "validate")
    assert (done.returncode, done.stdout) == (0, "4 files ok\n"), done.stderr
    script = "reconcile apply && reconcile state rebuild && reconcile status && ls /config/var"
    done = image.run(*mounted, "--entrypoint", "sh", IMAGE, "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    applied = re.search(r"Applied, serial (\d+)\.", done.stdout)
    assert applied is not None, done.stdout
    assert f"var/state.json written from the database, serial {applied[1]}" in done.stdout
    assert {"reconciler.db", "state.json"} <= set(done.stdout.split())


def test_the_whole_story_runs_in_it(image: Podman) -> None:
    """Servers, cycles, reports: no part of the program was left out of the image."""
    done = image.run(IMAGE, "demo", "--folder", "/tmp/demo", "--people", "20")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_nobody_to_ask_is_not_healthy(image: Podman) -> None:
    done = image.run(IMAGE, "health")
    assert done.returncode == 1
    assert "127.0.0.1:8080 does not answer" in done.stderr


def start(image: Podman, example: Path, *arguments: str) -> str:
    """A container of the loop with a project that it applies; its number."""
    mounted = ("--volume", f"{example}:/config:ro", STATE)
    done = image("run", "--detach", *LIMITS, *LOCKED_UP, *mounted, IMAGE, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until(image: Podman, container: str, *command: str) -> None:
    """Wait until a command in the container ends well."""
    deadline = time.monotonic() + 90
    while (asked := image("exec", container, *command)).returncode != 0:
        assert time.monotonic() < deadline, asked.stderr + image("logs", container).stderr
        time.sleep(0.5)


def stop(image: Podman, container: str) -> None:
    """As Docker does it: SIGTERM, and SIGKILL after ten seconds, which would show as 137."""
    image("stop", "--time", "10", container)
    code = image("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip()
    assert code == "0", image("logs", container).stderr


def test_the_loop_stops_when_asked(image: Podman, example: Path) -> None:
    """It is the first process in there, to which the system sends no signal that it does not handle."""
    container = start(image, example, "run", "--project", "/config")
    until(image, container, "test", "-s", "/config/var/state.json")
    stop(image, container)


def test_the_loop_becomes_healthy(image: Podman, example: Path) -> None:
    container = start(image, example)
    until(image, container, *image.inspect()["Healthcheck"]["Test"][1:])
    stop(image, container)
