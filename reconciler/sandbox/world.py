"""Everything one running sandbox holds, handed to every handler."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.sandbox import seed
from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.clock import Clock
from reconciler.sandbox.config import SandboxConfig
from reconciler.sandbox.cs.catalog import Catalog
from reconciler.sandbox.cs.ids import Ids
from reconciler.sandbox.journal import Journal, Write
from reconciler.sandbox.limits import Windows
from reconciler.sandbox.store import Store
from reconciler.sandbox.switches import Switches
from reconciler.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from reconciler.sandbox.faults import Faults


@dataclass(slots=True, kw_only=True)
class World:
    """Mutable on purpose: it stands for the remote services, whose state changes under the client."""

    config: SandboxConfig
    store: Store
    clock: Clock
    switches: Switches
    faults: Faults
    journal: Journal
    windows: Windows
    tokens: Tokens
    catalog: Catalog
    ids: Ids
    communities: dict[int, Community]
    jobs: dict[str, dict[str, object]] = field(default_factory=dict)

    def wrote(self, write: Write) -> None:
        self.journal.wrote(self.clock.now(), write)


def first_switches(config: SandboxConfig) -> Switches:
    return Switches(
        latency=config.latency, rate_limit=config.rate_limit, per_minute=config.per_minute, per_day=config.per_day
    )


def build(config: SandboxConfig) -> World:
    """A freshly seeded world."""
    from reconciler.sandbox.faults import Faults

    store = Store()
    catalog, ids, communities = seed.fill(store, config)
    return World(
        config=config,
        store=store,
        clock=Clock(),
        switches=first_switches(config),
        faults=Faults(random.Random(config.seed)),  # noqa: S311 - repeatable faults, not secrets
        journal=Journal(store, config.request_log),
        windows=Windows(),
        tokens=Tokens(),
        catalog=catalog,
        ids=ids,
        communities=communities,
    )


def rebuild(world: World) -> None:
    """Back to the first second, in place: the servers keep their ports and their world."""
    fresh = build(world.config)
    world.store.close()
    for name in (
        "store",
        "switches",
        "faults",
        "journal",
        "windows",
        "tokens",
        "catalog",
        "ids",
        "communities",
        "jobs",
    ):
        setattr(world, name, getattr(fresh, name))
    world.clock.reset()
