"""Acceptance: the product through its front door, against the sandbox."""

from __future__ import annotations

from tests.acceptance.fixtures import database_url, on_both, project, tidy_world, world

__all__ = ["database_url", "on_both", "project", "tidy_world", "world"]
