"""The tools the seeders share: random choices, nulls, dates, and bulk inserts by object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.config import SandboxConfig
from reconciler.sandbox.cs.catalog import Catalog
from reconciler.sandbox.cs.fields import FieldDef, ObjectDef
from reconciler.sandbox.cs.ids import Ids
from reconciler.sandbox.store import Store

T = TypeVar("T")
DAY_MS = 86_400_000
# Seeded dates count from a fixed day, never from today: data must not depend on when it was made.
EPOCH_DAY = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) // 86_400
CHUNK = 5_000


@dataclass(slots=True, kw_only=True)
class Loader:
    store: Store
    catalog: Catalog
    ids: Ids
    config: SandboxConfig
    rng: Random
    communities: dict[int, Community]

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.rng.random() * len(values))]

    def maybe(self, value: T) -> T | None:
        """The value, or nothing for the configured share of cases."""
        return None if self.rng.random() < self.config.person_null_share else value

    def day_ms(self, earliest: int, latest: int) -> int:
        """Midnight UTC of a day between two distances from the seed day, in epoch milliseconds."""
        return (EPOCH_DAY + earliest + int(self.rng.random() * (latest - earliest))) * DAY_MS

    def moment_ms(self, earliest: int, latest: int) -> int:
        return self.day_ms(earliest, latest) + int(self.rng.random() * 86_400) * 1000

    def item(self, field: FieldDef) -> str:
        """The GSID of a random picklist item; one in fifty is an inactive item, as old data has."""
        chosen = self.pick(field.options)
        return chosen.gsid if chosen.active or self.rng.random() < 0.1 else field.options[0].gsid

    def items(self, field: FieldDef) -> str:
        """One to three picklist items, joined as a multi-select stores them."""
        first = int(self.rng.random() * len(field.options))
        count = 1 + int(self.rng.random() * 3)
        return ";".join(option.gsid for option in field.options[first : first + count])

    def object(self, name: str) -> ObjectDef:
        return self.catalog.objects[name.lower()]

    def insert(self, definition: ObjectDef, records: Sequence[Mapping[str, Any]]) -> None:
        names = list(definition.fields)
        marks = ",".join("?" * len(names))
        rows = ([record.get(name) for name in names] for record in records)
        self.store.bulk(f"INSERT INTO {definition.table} VALUES ({marks})", rows)
