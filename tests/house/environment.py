"""pytest plugin: tests see nothing of the person or machine that runs them, and reach nothing outside of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.house.guard import outside_network

GUARD = Path(__file__).with_name("guard")

# Git hooks export GIT_*, terminals and CI systems the rest; each would change what a command prints or does.
FOREIGN_PREFIXES = ("RECONCILE_", "RECONCILER_", "SANDBOX_", "GIT_", "XDG_", "PYTEST_ADDOPTS")
FOREIGN_NAMES = frozenset({"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "PYTHONPATH"})
PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"})

_original: dict[str, str] = {}
_home: list[Path] = []


def is_foreign(name: str) -> bool:
    """Whether an inherited environment variable must not reach a test."""
    return name.startswith(FOREIGN_PREFIXES) or name in FOREIGN_NAMES or name.lower() in PROXIES


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    _original.update(os.environ)
    for name in filter(is_foreign, list(os.environ)):
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="reconcile-home-"))
    _home.append(home)
    os.environ["HOME"] = str(home)
    os.environ["PYTHONPATH"] = str(GUARD)
    outside_network.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    while _home:
        shutil.rmtree(_home.pop())
    os.environ.clear()
    os.environ.update(_original)
