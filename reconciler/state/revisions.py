"""The schemas of the state database by name."""

from __future__ import annotations

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every schema this program knows, oldest first. `migrations/versions` has one module for each."""

HEAD = REVISIONS[-1]

VERSION_TABLE = "schema_version"
