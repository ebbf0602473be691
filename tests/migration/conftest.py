"""Migration: databases of older and newer versions of the program."""

from __future__ import annotations

from tests.acceptance.fixtures import database_url, on_both, project, tidy_world, world

__all__ = ["database_url", "on_both", "project", "tidy_world", "world"]
