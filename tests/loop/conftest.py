"""The loop: as a process beside others, and in this one with a clock of the test's own."""

from __future__ import annotations

from tests.acceptance.fixtures import database_url, on_both, project, tidy_world, world
from tests.postgres import postgres

__all__ = ["database_url", "on_both", "postgres", "project", "tidy_world", "world"]
