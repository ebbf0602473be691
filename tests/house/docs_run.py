"""Runs the steps of a page as a reader would: one shell, one folder, one sandbox."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.docs_page import Command, File, Page, PageError, matches

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

# What pages and examples write for the address of a sandbox; where the sandbox really listens is different each time.
CS_URL = "http://127.0.0.1:9401"
CC_URL = "http://127.0.0.1:9402"

SECONDS_PER_COMMAND = 120

# Arguments: command, file of variables, file of the folder. Both files are carried from one command to the next, so that
# `export` and `cd` do what a reader expects.
SHELL = """
page_variables=$2 page_folder=$3
trap 'status=$?; export -p >"$page_variables"; pwd >"$page_folder"; exit $status' EXIT
. "$page_variables"
cd "$(cat "$page_folder")"
eval "$1"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a page is carried out. `urls` maps what pages write to where the sandbox listens."""

    folder: Path
    private: Path
    urls: dict[str, str]

    @property
    def carried(self) -> tuple[Path, Path]:
        """The files that carry variables and folder from command to command."""
        return self.private / "variables", self.private / "folder"

    def real(self, text: str) -> str:
        for shown, real in self.urls.items():
            text = text.replace(shown, real)
        return text

    def shown(self, text: str) -> str:
        for shown, real in self.urls.items():
            text = text.replace(real, shown)
        return text


def run_page(page: Page, temporary: Path) -> None:
    """Carry out every step. Raises PageError at the first that does not do what the page says."""
    with _sandbox(page) as urls:
        desk = Desk(folder=temporary / "project", private=temporary / "private", urls=urls)
        _lay_out(desk, _example(page))
        for step in page.steps:
            match step:
                case File():
                    _write(desk, step)
                case Command():
                    _execute(desk, step)


@contextlib.contextmanager
def _sandbox(page: Page) -> Iterator[dict[str, str]]:
    if page.sandbox is None:
        yield {}
        return
    from reconciler.sandbox import Sandbox, SandboxConfig

    with Sandbox(SandboxConfig(**page.sandbox)) as sandbox:  # type: ignore[arg-type]
        yield {CS_URL: sandbox.cs_url.rstrip("/"), CC_URL: sandbox.cc_url.rstrip("/")}


def _example(page: Page) -> Path | None:
    """The example that the page begins with: the one it names, else the only one there is."""
    if page.example == "none":
        return None
    if page.example is not None:
        chosen = EXAMPLES / page.example
        if not (chosen / "reconcile.yaml").is_file():
            raise PageError(f"example: there is no examples/{page.example}/reconcile.yaml")
        return chosen
    found = sorted(path.parent for path in EXAMPLES.rglob("reconcile.yaml"))
    if len(found) > 1:
        names = ", ".join(path.relative_to(EXAMPLES).as_posix() for path in found)
        raise PageError(f"say with <!-- example: NAME --> which one to begin with: {names}")
    return found[0] if found else None


def _lay_out(desk: Desk, example: Path | None) -> None:
    desk.private.mkdir()
    if example is None:
        desk.folder.mkdir()
    else:
        shutil.copytree(example, desk.folder, ignore=shutil.ignore_patterns("__pycache__", "var"))
    for path in desk.folder.rglob("*"):
        if path.is_file():
            path.write_bytes(desk.real(path.read_text(encoding="utf-8")).encode())
    variables, folder = desk.carried
    variables.write_text("", encoding="utf-8")
    folder.write_text(str(desk.folder), encoding="utf-8")
    (desk.private / "home").mkdir()


def _write(desk: Desk, file: File) -> None:
    target = (desk.folder / file.path).resolve()
    if not target.is_relative_to(desk.folder.resolve()):
        raise PageError(f"line {file.line}: {file.path} lies outside the project")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(desk.real(file.content), encoding="utf-8")


def _execute(desk: Desk, command: Command) -> None:
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", SHELL, "page", desk.real(command.text), *map(str, desk.carried)],
        env=_environment(desk),
        cwd=desk.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS_PER_COMMAND)
    except subprocess.TimeoutExpired:
        raise PageError(f"line {command.line}: `{command.text}` took more than {SECONDS_PER_COMMAND} s") from None
    finally:
        _end_group(process)
    _compare(command, process.returncode, [line.rstrip() for line in desk.shown(output).splitlines()])


def _end_group(process: subprocess.Popen[str]) -> None:
    """Whatever the command left in the background ends with it; it holds the sandbox and the folder."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _environment(desk: Desk) -> dict[str, str]:
    variables = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(desk.private / "home"),
        "COLUMNS": "100",
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.com",
        "GIT_COMMITTER_NAME": "Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.com",
    }
    if desk.urls:
        variables |= {
            "RECONCILE_ALLOW_LOOPBACK": "1",
            "SANDBOX_CS_URL": desk.urls[CS_URL],
            "SANDBOX_CC_URL": desk.urls[CC_URL],
            "SANDBOX_ACCESS_KEY": "sandbox-access-key",
            "SANDBOX_CLIENT_ID": "sandbox-client",
            "SANDBOX_CLIENT_SECRET": "sandbox-secret",
        }
    return variables


def _compare(command: Command, exit_code: int, output: list[str]) -> None:
    if exit_code != command.exit_code:
        printed = "\n".join(output)
        raise PageError(
            f"line {command.line}: `{command.text}` exits {exit_code}, the page says {command.exit_code}; it printed:\n{printed}"
        )
    if command.output and not matches(command.output, output):
        changes = difflib.unified_diff(command.output, output, "the page", "the command", lineterm="", n=99)
        raise PageError("\n".join([f"line {command.line}: `{command.text}` prints something else:", *changes]))
