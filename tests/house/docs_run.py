"""Runs the steps of a page as a reader would: one shell, one folder, one sandbox."""

from __future__ import annotations

import contextlib
import difflib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.docs_page import Command, File, Page, PageError, matches

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

# What pages and examples write for the address of a sandbox and of a loop; where they really listen is different each time.
CS_URL = "http://127.0.0.1:9401"
CC_URL = "http://127.0.0.1:9402"
LOOP = "127.0.0.1:8080"

SECONDS_PER_COMMAND = 120

# One shell for the whole page, as at a reader's terminal: `cd`, variables, `$!`, `kill %1` and `wait` do what one expects. It is
# told a folder for each command, which is in the file `command`, and answers with its exit code.
SHELL = """
while read -r page_step; do
  eval "$(cat "$page_step/command")" >"$page_step/output" 2>&1 </dev/null
  echo $?
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a page is carried out. `urls` maps what pages write to where the sandbox, and a loop, really listen."""

    folder: Path
    private: Path
    urls: dict[str, str]

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
        with _shell(desk) as shell:
            for step in page.steps:
                match step:
                    case File():
                        _write(desk, step)
                    case Command():
                        _execute(desk, shell, step)


@contextlib.contextmanager
def _sandbox(page: Page) -> Iterator[dict[str, str]]:
    if page.sandbox is None:
        yield {LOOP: _free_address()}
        return
    from reconciler.sandbox import Sandbox, SandboxConfig

    with Sandbox(SandboxConfig(**page.sandbox)) as sandbox:  # type: ignore[arg-type]
        yield {CS_URL: sandbox.cs_url.rstrip("/"), CC_URL: sandbox.cc_url.rstrip("/"), LOOP: _free_address()}


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


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
    (desk.private / "home").mkdir()


def _write(desk: Desk, file: File) -> None:
    target = (desk.folder / file.path).resolve()
    if not target.is_relative_to(desk.folder.resolve()):
        raise PageError(f"line {file.line}: {file.path} lies outside the project")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(desk.real(file.content), encoding="utf-8")


@contextlib.contextmanager
def _shell(desk: Desk) -> Iterator[subprocess.Popen[bytes]]:
    """The shell of a page. Whatever the page left in the background ends with it; it holds the sandbox and the folder."""
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", SHELL],
        env=_environment(desk),
        cwd=desk.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    with process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _execute(desk: Desk, shell: subprocess.Popen[bytes], command: Command) -> None:
    step = desk.private / f"line-{command.line}"
    step.mkdir()
    (step / "command").write_text(desk.real(command.text), encoding="utf-8")
    assert shell.stdin is not None
    try:
        shell.stdin.write(f"{step}\n".encode())
    except BrokenPipeError:
        raise PageError(f"line {command.line}: a command before it has ended the shell") from None
    exit_code = _exit_code(shell, command)
    output = (step / "output").read_text(encoding="utf-8")
    _compare(command, exit_code, [line.rstrip() for line in desk.shown(output).splitlines()])


def _exit_code(shell: subprocess.Popen[bytes], command: Command) -> int:
    assert shell.stdout is not None
    if not select.select([shell.stdout], [], [], SECONDS_PER_COMMAND)[0]:
        raise PageError(f"line {command.line}: `{command.text}` took more than {SECONDS_PER_COMMAND} s")
    answer = shell.stdout.readline()
    return int(answer) if answer else shell.wait()  # `exit` ends the shell itself


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
    if CS_URL in desk.urls:
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
