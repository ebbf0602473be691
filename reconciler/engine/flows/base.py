"""What a cycle needs of a flow: what it reads, how that ends up in the stage, and when it looks too empty to be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.model.run import Extent, Tally
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

REJECTED = ("item", "key", "label", "reason", "detail")
"""Columns of the temporary table `rejected`: what reading and matching reject."""


@dataclass(slots=True)
class Staged:
    """What came out of reading: counts for each item, and the items that could not be read at all, with the reason."""

    tallies: dict[str, Tally]
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptiness:
    """Something that a flow found nothing of. Suspicious when an earlier run did.

    `item` is the one that it concerns; None: all. `matched` asks whether that run matched anything, not only read it.
    """

    text: str
    item: str | None = None
    matched: bool = False
    meant: str = "if it is meant, remove the mapping"
    """What to do when it is no mistake."""


class Flow(Protocol):
    """The reading side of one cycle."""

    @property
    def items(self) -> tuple[str, ...]:
        """The fields that are written, in the order of the columns of the stage."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the stage has every record that there is, so that one which is missing has gone."""
        ...

    @property
    def extent(self) -> Extent | None:
        """How much was read, after staging; None where it is always everything. After a part of the rows nothing is concluded
        from what is not among them."""
        ...

    @property
    def staged(self) -> Staged: ...

    def recall(self, session: Session) -> None:
        """Look up what earlier cycles left for this one, under its lease, before anything is read."""
        ...

    def settle(self, session: Session, tally: Tally) -> None:
        """Leave something for the next cycle, in the transaction that closes one that came to its end."""
        ...

    def stage(self, workspace: Workspace) -> Staged:
        """Fill the tables `stage` and `rejected`. Raises `errors.RemoteError`."""
        ...

    def examine(self, workspace: Workspace) -> bool:
        """Look more closely at what is about to be sent, after comparing. Gives whether something was taken away."""
        ...

    def empty(self) -> Sequence[Emptiness]:
        """What was found nothing of, after staging."""
        ...


class Plain:
    """What a flow says that always reads everything and keeps nothing for the next cycle."""

    extent: Extent | None = None

    def recall(self, session: Session) -> None:
        return None

    def settle(self, session: Session, tally: Tally) -> None:
        return None

    def examine(self, workspace: Workspace) -> bool:
        return False
