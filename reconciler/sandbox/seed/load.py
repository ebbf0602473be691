"""The tools the seeders share: random choices, nulls, dates, and bulk inserts by object."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    random: Callable[[], float] = field(init=False)
    communities: dict[int, Community]
    _runs: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Bound once: it is called some forty times a person.
        self.random = self.rng.random

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def maybe(self, value: T) -> T | None:
        """The value, or nothing for the configured share of cases."""
        return None if self.random() < self.config.person_null_share else value

    def day_ms(self, earliest: int, latest: int) -> int:
        """Midnight UTC of a day between two distances from the seed day, in epoch milliseconds."""
        return (EPOCH_DAY + earliest + int(self.random() * (latest - earliest))) * DAY_MS

    def moment_ms(self, earliest: int, latest: int) -> int:
        return self.day_ms(earliest, latest) + int(self.random() * 86_400) * 1000

    def item(self, item: FieldDef) -> str:
        """The GSID of a random picklist item; one in fifty is an inactive item, as old data has."""
        chosen = self.pick(item.options)
        return chosen.gsid if chosen.active or self.random() < 0.1 else item.options[0].gsid

    def items(self, item: FieldDef) -> str:
        """One to three neighbouring picklist items, joined as a multi-select stores them."""
        runs = self._runs.get(item.category)
        if runs is None:
            gsids = [option.gsid for option in item.options]
            runs = [";".join(gsids[at : at + count]) for at in range(len(gsids)) for count in (1, 2, 3)]
            self._runs[item.category] = runs
        return self.pick(runs)

    def object(self, name: str) -> ObjectDef:
        return self.catalog.objects[name.lower()]

    def insert(self, definition: ObjectDef, records: Sequence[dict[str, Any]]) -> None:
        empty: dict[str, Any] = dict.fromkeys(definition.fields)
        row = operator.itemgetter(*empty)
        marks = ",".join("?" * len(empty))
        rows = (row(empty | record) for record in records)
        self.store.bulk(f"INSERT INTO {definition.table} VALUES ({marks})", rows)
