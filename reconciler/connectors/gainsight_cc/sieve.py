"""Records of what a community lists. One that cannot be made a record must not end the reading of thousands of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from reconciler import errors
from reconciler.connectors.answer import SHAPE_HINT
from reconciler.connectors.gainsight_cc.values import identifier, moment, said, word
from reconciler.model.community import Kind, Unusable
from reconciler.model.json import Json, digest

T = TypeVar("T")

MOST = 100
"""Unusable things in one reading. With more of them it is the API that has changed, or something else that answers."""


class Sieve:
    """What a reading could not use. Thread-safe."""

    def __init__(self) -> None:
        self._unusable: set[tuple[Kind, str]] = set()
        self._first = ""

    def each(
        self, kind: Kind, items: Sequence[Json], read: Callable[[Json], T], what: str, first: int
    ) -> list[T | Unusable]:
        """A record of each item, by `read`. `what` is the list and `first` the number that the first item has in it."""
        return [self._one(kind, item, read, f"item {number:,} of {what}") for number, item in enumerate(items, first)]

    def users(self, read: Callable[[Json], T]) -> Callable[[Json], T | Unusable]:
        """The same for items of the list of users, which come one by one."""
        return lambda item: self._one(Kind.MEMBER, item, read, "the list of users")

    def _one(self, kind: Kind, item: Json, read: Callable[[Json], T], where: str) -> T | Unusable:
        try:
            return read(item)
        except errors.RemoteMalformed as error:
            values = item if isinstance(item, Mapping) else {}
            internal = identifier(values.get("id"))
            return self.unusable(
                kind,
                f"item {digest(item)[:12]}" if internal is None else f"internal id {internal}",
                f"{where}: {error.message}",
                label=next((text for name in ("title", "username", "name") if (text := word(values.get(name)))), ""),
                values=said(
                    email=word(values.get("email")),
                    username=word(values.get("username")),
                    last_activity_at=moment(values.get("lastActivityAt")),
                ),
            )

    def unusable(
        self, kind: Kind, id: str, detail: str, *, label: str = "", values: Mapping[str, Json] | None = None
    ) -> Unusable:
        """Note one. Raises `errors.RemoteMalformed` when there are too many."""
        self._unusable.add((kind, id))
        self._first = self._first or detail
        if len(self._unusable) > MOST:
            raise errors.RemoteMalformed(
                f"more than {MOST} records of the community cannot be used; the first: {self._first}", hint=SHAPE_HINT
            )
        return Unusable(kind=kind, id=id, label=label, detail=detail, values=values or {})
