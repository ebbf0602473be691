"""Local HTTP servers that speak the Gainsight CS and Customer Communities APIs, with seeded data and fault switches.

    from reconciler.sandbox import Sandbox, SandboxConfig

    with Sandbox(SandboxConfig(people=100)) as sandbox:
        sandbox.cs_url, sandbox.cc_url

The servers listen on loopback only and need no account. `README.md` beside this file is the manual.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.sandbox.config import SandboxConfig, SandboxError

if TYPE_CHECKING:
    from reconciler.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxConfig", "SandboxError", "write_warehouse"]


def write_warehouse(path: Path, config: SandboxConfig) -> None:
    """A SQLite file with rows about the companies of such a sandbox. Raises SandboxError where it cannot be made."""
    from reconciler.sandbox.seed import warehouse

    warehouse.write(path, config)


def __getattr__(name: str) -> object:
    """The server pulls in uvicorn, asyncio and the seed tables: only who starts one pays for it."""
    if name == "Sandbox":
        from reconciler.sandbox.server import Sandbox

        return Sandbox
    raise AttributeError(name)
