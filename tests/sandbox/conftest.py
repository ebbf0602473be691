"""One sandbox for the read-mostly tests, reset before each; tests that need another size start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.sandbox.sandbox_client import Remote


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(people=460, communities=2, seed=7)) as sandbox:
        yield sandbox


@pytest.fixture
def remote(running: Sandbox) -> Iterator[Remote]:
    with Remote(running) as client:
        client.control("POST", "reset")
        yield client
