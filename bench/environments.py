"""Virtual environments for the programs that a benchmark compares with, made once and kept in .bench."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
FOLDER = Path(".bench/peers")


class Unavailable(Exception):
    """A peer that cannot be installed here; the row says so."""


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, with the versions of its list. Raises `Unavailable`."""
    wanted = PEERS / f"{peer}.txt"
    folder = (FOLDER / f"{peer}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}").absolute()
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        _quietly(peer, [sys.executable, "-m", "venv", "--clear", str(folder)])
        _quietly(peer, [*pip, "--requirement", str(wanted)])
        ready.touch()
    return python


def versions(peer: str) -> str:
    """What is installed, for the table: `dlt 1.31.0`. The first line of a list is the peer itself."""
    first = (PEERS / f"{peer}.txt").read_text().splitlines()[0]
    name, _, version = first.partition("==")
    return f"{name.partition('[')[0]} {version}"


def _quietly(peer: str, command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Unavailable(f"{peer} could not be installed: {lines[-1][:200]}")
