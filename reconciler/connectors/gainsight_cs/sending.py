"""Sending records to the object data API: all of a call or nothing, so a bad record is found and left out.

- Told which records are bad: those are left out, and the rest goes again; if that fails too, in halves.
- Not told: in halves, until the bad one is alone. A call of 50 takes at most seven rounds more.
- Nobody knows whether it was carried out: look what is there, and send again only what is missing. A record that would be
  created is sent again only if the service itself said that it has given up; otherwise it may still come to be, and the next
  cycle looks first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.connectors.gainsight_cs import query, readback
from reconciler.connectors.gainsight_cs.api import Accepted, Answer, Lost, NotDone, Refused, WriteApi
from reconciler.connectors.gainsight_cs.ready import Health, Ready
from reconciler.connectors.gainsight_cs.resolve import Found, Index, Read, find_keys
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.model.json import Json
from reconciler.model.outcome import Reason, RecordResult

SETTLE = 2.0
"""Seconds before we look what became of a call whose answer did not come: time for the service to finish."""

Rest = Callable[[float], None]
"""Waits so many seconds."""

Looked = Callable[[Sequence[Ready]], Index | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Records of one call. `told`: bad ones were already left out once; `losses`: answers that did not come."""

    items: tuple[Ready, ...]
    told: bool = False
    losses: int = 0

    def halves(self, items: Sequence[Ready]) -> list[Part]:
        middle = -(-len(items) // 2)
        parts = (tuple(items[:middle]), tuple(items[middle:]))
        return [replace(self, items=half, losses=0) for half in parts if half]


class Looking:
    """Reading back what was sent."""

    def __init__(self, read: Read, target: RecordTarget, rest: Rest) -> None:
        self._read = read
        self._target = target
        self._place = target.place
        self._rest = rest

    def look(self, items: Sequence[Ready], *, settled: bool) -> Index | None:
        """What the destination shows of these records; None when it cannot be read. One call for up to a chunk."""
        if not settled:
            self._rest(SETTLE)
        names = dict.fromkeys(name for item in items for name in item.fields)
        try:
            return find_keys(self._read, self._place, list(names), [self._key(item) for item in items])
        except (errors.RemoteUnavailable, errors.RemoteMalformed, errors.RemoteRefused):
            return None

    def _key(self, item: Ready) -> tuple[Json, ...]:
        # An identity is spelled in our way; the tenant may compare e-mail addresses as they are written.
        return item.write.key if not self._target.of_people else (self._email(item), *item.identity[1:])

    def _email(self, item: Ready) -> str:
        at = next(at for at, name in enumerate(self._target.key) if name.endswith("Email"))
        return item.write.key[at]

    def found(self, item: Ready, index: Index) -> Sequence[Found]:
        """The records that are this one: by identity, or by GSID where the tenant spells the key in another way."""
        ours = index.get(item.identity, ())
        return ours or [one for found in index.values() for one in found if one.gsid == item.gsid]

    def holds(self, item: Ready, found: Found) -> bool:
        return readback.holds(found.values, item.fields, self._target.object.fields)


class ObjectSender:
    """Thread-safe."""

    def __init__(self, api: WriteApi, target: RecordTarget, looking: Looking, health: Health) -> None:
        self._api = api
        self._target = target
        self._looking = looking
        self._health = health

    def send(self, items: Sequence[Ready]) -> Iterator[RecordResult]:
        """One call for those that are created and one for those that are updated, and what it takes when they fail."""
        groups = ([one for one in items if one.gsid is None], [one for one in items if one.gsid is not None])
        parts = deque(Part(items=tuple(group)) for group in groups if group)
        while parts:
            self._health.check()
            part = parts.popleft()
            results, more = self._sent(part)
            yield from results
            parts.extend(more)

    def _sent(self, part: Part) -> tuple[list[RecordResult], list[Part]]:
        answer = self._call(part.items)
        if isinstance(answer, Accepted) and answer.count not in (None, len(part.items)):
            answer = Lost(detail=f"{answer.count} records were written, of {len(part.items)}", finished=True)
        match answer:
            case Accepted():
                self._health.answered()
                return [item.done for item in part.items], []
            case Refused():
                self._health.refused(answer.problem)
                return _isolated(part, answer)
            case NotDone(detail=detail):
                self._health.failed()
                return [item.unavailable(detail) for item in part.items], []
            case Lost():
                self._health.failed()
                results, more = self._after_loss(part, answer)
                if any(result.acknowledged for result in results):
                    self._health.answered()
                return results, more

    def _call(self, items: Sequence[Ready]) -> Answer:
        if items[0].gsid is None:
            return self._api.insert(self._target.name, [item.fields for item in items])
        # The key was read a moment ago: by its GSID a record cannot be mistaken for another with the same key.
        records = [{**item.fields, query.KEY: item.gsid} for item in items]
        return self._api.update(self._target.name, records, [query.KEY])

    def _after_loss(self, part: Part, lost: Lost) -> tuple[list[RecordResult], list[Part]]:
        index = self._looking.look(part.items, settled=lost.finished)
        if index is None:
            return [item.unavailable(f"{lost.detail}; it could not be read back") for item in part.items], []
        results: list[RecordResult] = []
        missing: list[Ready] = []
        for item in part.items:
            found = self._looking.found(item, index)
            if len(found) > 1:
                results.append(
                    RecordResult(write=item.write, reason=Reason.AMBIGUOUS_KEY, detail=f"{len(found)} records")
                )
            elif found and self._looking.holds(item, found[0]):
                results.append(item.done)
            elif found:
                missing.append(replace(item, gsid=found[0].gsid))
            elif item.gsid is not None:
                results.append(
                    RecordResult(write=item.write, reason=Reason.RECORD_MISSING, detail="it was there just now")
                )
            elif not lost.finished:
                results.append(item.unavailable(f"{lost.detail}; read back: not there, and perhaps on its way"))
            else:
                missing.append(item)
        more = self._again(part, missing)
        if more is None:
            results += [item.unavailable(f"{lost.detail}; read back: not written") for item in missing]
        return results, more or []

    def _again(self, part: Part, missing: Sequence[Ready]) -> list[Part] | None:
        """What is missing goes once more as it is, then in halves: one record may be what the service breaks at."""
        created = tuple(item for item in missing if item.gsid is None)
        updated = tuple(item for item in missing if item.gsid is not None)
        if part.losses == 0:
            return [replace(part, items=group, losses=1) for group in (created, updated) if group]
        if len(missing) == len(part.items) == 1:
            return None
        return [half for group in (created, updated) for half in part.halves(group)]


def _isolated(part: Part, refused: Refused) -> tuple[list[RecordResult], list[Part]]:
    """Leave out the records that were named, or divide the call."""
    if len(part.items) == 1:
        problem = refused.problems.get(0, refused.problem)
        return [part.items[0].refused(problem, refused.status)], []
    results = [part.items[at].refused(problem, refused.status) for at, problem in sorted(refused.problems.items())]
    rest = [item for at, item in enumerate(part.items) if at not in refused.problems]
    if results and not part.told:
        return results, [replace(part, items=tuple(rest), told=True)] if rest else []
    return results, part.halves(rest)
