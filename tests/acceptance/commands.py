"""Running `reconcile` as a user does: in a process of its own, or in this one where speed matters more."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
TIMEOUT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command ended with."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return self.out + self.err

    def expect(self, code: int) -> Done:
        """Itself, if it ended with `code`; otherwise the test fails and shows everything."""
        assert self.code == code, f"{' '.join(self.arguments)} ended with {self.code}\n{self.out}\n{self.err}"
        return self


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: ours, with the program's folder to import from, and `more`."""
    paths = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), **more}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "reconciler", *map(str, arguments)]


def start(*arguments: str | Path, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """A command that is running. Whoever starts it ends it."""
    return subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = TIMEOUT) -> Done:
    """Wait for a started command; it is killed when it does not end in time, and the test fails."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Done(arguments=tuple(map(str, process.args)), code=process.returncode, out=out, err=err)  # type: ignore[arg-type]


def reconcile(*arguments: str | Path, cwd: Path, env: Mapping[str, str], timeout: float = TIMEOUT) -> Done:
    """Run a command in a process of its own, to its end."""
    return finish(start(*arguments, cwd=cwd, env=env), timeout)


def in_process(*arguments: str | Path, env: Mapping[str, str]) -> Done:
    """Run a command in this process: the same way in, without the cost of starting Python."""
    from reconciler.cli import main

    words = [str(argument) for argument in arguments]
    try:
        with _environment(env), _captured() as (out, err):
            code = main.run(words)
    finally:
        gc.unfreeze()  # a command believes that it has its process for itself
    return Done(arguments=tuple(words), code=code, out=_text(out), err=_text(err))


@contextlib.contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _captured() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Both streams with a byte buffer below, because the export writes bytes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
