"""A Singer tap of the SDK, with the least between its stream and SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from typing import Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

FIELDS = [f"A{place}__gc" for place in range(10)]


class Records(Stream):
    name = "records"
    primary_keys = ("Email__gc",)
    replication_key = "updated_at"
    is_sorted = True
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("Email__gc", th.StringType, required=True),
        *(th.Property(name, th.StringType) for name in FIELDS),
        th.Property("updated_at", th.StringType),
    ).to_dict()

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        names = ["email AS Email__gc", *(f"a{place} AS {name}" for place, name in enumerate(FIELDS)), "updated_at"]
        query = f"SELECT {', '.join(names)} FROM records WHERE updated_at > ? ORDER BY rowid"
        database = sqlite3.connect(os.environ["BENCH_WAREHOUSE"].removeprefix("sqlite:///"))
        found = database.execute(query, (self.get_starting_replication_key_value(context) or "",))
        keys = [column[0] for column in found.description]
        for row in found:
            yield dict(zip(keys, row, strict=True))


class BenchTap(Tap):
    name = "tap-bench"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[Stream]:
        return [Records(self)]


if __name__ == "__main__":
    BenchTap.cli()
