"""Records of a community to objects of a target: what of the store becomes which record, and how changes are written.

In stage and ledger a whole record is one text: the JSON of its fields that have a value, by the names of
`model.community`. So a record counts as one, and the ledger of an object has one column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from reconciler.connectors.base import RecordDestination, Workload
from reconciler.engine.flows.base import REJECTED, Emptiness, Plain, Staged
from reconciler.engine.flows.records import Composed, Key, RecordEnd, key_text, refusal
from reconciler.model.community import (
    PROFILE,
    FieldDefinition,
    Kind,
    ObjectDefinition,
    Unusable,
    content_identifier,
)
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason, RecordChange, RecordWrite
from reconciler.model.run import Tally
from reconciler.records.coerce import Uncoercible
from reconciler.state import imports
from reconciler.state.database import Database
from reconciler.state.imports import Stored
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

_TYPES = {Kind.TOPIC: "Topic", Kind.REPLY: "Topic Reply"}
VIEW = "View"
LABEL_LENGTH = 100
NOTHING: Sequence[Json] = (None, "", [])

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` with options makes an encoder for each text."""

Values = Mapping[str, Json]

_TREND_OF_SUBTYPE = {
    "Question": "questions",
    "Discussion": "discussions",
    "Idea": "ideas",
    "Article": "articles",
    "Product Update": "product_updates",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The community that records come from: the connection, and the name of the tenant.

    Records of core objects are told apart by the connection: a tenant may be renamed, and two may have one name.
    """

    connection: str
    tenant: str

    def identifier(self, kind: Kind, id: str) -> str:
        """What tells a post apart from those of all communities."""
        return content_identifier(self.connection, kind, id)


def scope(target: str, name: str) -> str:
    """The ledger of an object at a target."""
    return f"import:{target}:{name}"


class ImportFlow(Plain):
    """What of the store becomes records of one object. `fields` are those that the target has; `unusable` is what the community
    gave besides what is in the store, as far as it is known when the flow is staged."""

    whole = False
    """Nothing departs: what is gone from the community is marked as deleted."""

    def __init__(
        self,
        database: Database,
        origin: Origin,
        definition: ObjectDefinition,
        fields: Sequence[FieldDefinition],
        unusable: Sequence[Unusable] = (),
    ) -> None:
        self._database = database
        self._origin = origin
        self._definition = definition
        self._unusable = unusable
        self._sources = [(field.name, field.source) for field in definition.fields if field in fields]
        self._key = definition.key_field.source
        self.items = (definition.kind,)
        self.staged = Staged(tallies={definition.kind: Tally()})

    def empty(self) -> list[Emptiness]:
        """Whether a community is suspiciously empty is seen where it is read."""
        return []

    def stage(self, workspace: Workspace) -> Staged:
        """Fill the stage from the store."""
        workspace.stage(self.items)
        workspace.create("rejected", REJECTED)
        with self._database.read() as session:
            rows = READERS[self._definition.kind](session, self._origin)
            self.staged.tallies[self._definition.kind].read = workspace.load("stage", map(self._row, rows))
        self._reject(workspace)
        return self.staged

    def _reject(self, workspace: Workspace) -> None:
        """What the community gave and nobody can use counts, so that it shows."""
        kind = self._definition.kind
        kinds = {each.value for each in _TYPES} if kind == "Content" else {kind}
        found = [one for one in self._unusable if one.kind.value in kinds]
        if not found:
            return
        tally = self.staged.tallies[kind]
        tally.read += len(found)
        tally.add(Outcome.REJECTED, Reason.MALFORMED, len(found))
        workspace.load(
            "rejected",
            [
                (kind, key_text([one.id]), one.label[:LABEL_LENGTH] or one.id, Reason.MALFORMED.value, one.detail)
                for one in found
            ],
        )

    def _row(self, values: Values) -> tuple[str, str, str]:
        record = {name: value for name, source in self._sources if (value := values.get(source)) not in NOTHING}
        key = str(values[self._key])
        return key_text([key]), _label(values, key), _text(record)


class Missing(Plain):
    """An object that the target does not have: nothing is read for it, and the run says why."""

    whole = False

    def __init__(self, definition: ObjectDefinition, why: str) -> None:
        self.items = (definition.kind,)
        self.staged = Staged(tallies={definition.kind: Tally()}, failures={definition.kind: why})

    def empty(self) -> list[Emptiness]:
        return []

    def stage(self, workspace: Workspace) -> Staged:
        workspace.stage(self.items)
        workspace.create("rejected", REJECTED)
        return self.staged


Render = Callable[[Json], Json]
"""Makes of a value what the target takes. Raises `Uncoercible`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeEnd(RecordEnd):
    """Where whole records go, each the one value of `item`. `fields` says for each field what it is called at the target, and how
    its values are made."""

    writer: RecordDestination
    item: str
    fields: Mapping[str, tuple[str, Render]]
    key: str

    def workload(self, workspace: Workspace) -> Workload:
        return Workload(records=workspace.count_changed_records(), spelled_alike=not workspace.changes_plain_keys())

    def compose(self, key: Key, change: RecordChange, unchanged: Mapping[str, str]) -> Composed:
        """Only what differs from the last acknowledged record is sent. A record that a field cannot take is rejected whole: half
        of it would look like all of it."""
        (text,), (last,) = change.values, change.befores
        assert text is not None
        before, now = json.loads(last) if last is not None else {}, json.loads(text)
        changed = [name for name in {**now, **before} if now.get(name) != before.get(name)]
        try:
            values = self._rendered(now, changed)
            unchanged_values = self._rendered(now, now.keys() - set(changed))
        except Unfit as problem:
            return Composed(None, change, [refusal(change, self.item, text, problem)])
        record = RecordWrite(key=key, values=values, label=change.label, unchanged=unchanged_values)
        return Composed(record, change, ())

    def _rendered(self, record: Values, names: Iterable[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name in sorted(names):
            if name != self.key and name in self.fields:
                called, render = self.fields[name]
                value = record.get(name)
                try:
                    found[called] = None if value is None else render(value)
                except Uncoercible as problem:
                    raise Unfit(f"{name}: {problem}", problem.reason) from None
        return found


class Unfit(Uncoercible):
    """A value that its field cannot take, with the name of the field."""


def _label(values: Values, key: str) -> str:
    text = values.get("username") or values.get("title") or values.get("name") or key
    return str(text)[:LABEL_LENGTH]


def _stored(session: Session, origin: Origin, kind: Kind) -> Iterator[Values]:
    for record in imports.records(session, origin.connection, kind):
        of_store = {"id": record.id, "topic_id": record.parent}
        yield {**record.values, **_profile(record), **record.match, **_marks(record), **of_store}


def _profile(record: Stored) -> Values:
    profile = record.values.get("profile")
    return {PROFILE + name: value for name, value in profile.items()} if isinstance(profile, Mapping) else {}


def _marks(record: Stored) -> Values:
    if record.deleted_at is None:
        return {"deleted": False}
    return {"deleted": True, "deleted_at": record.deleted_at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _content(session: Session, origin: Origin) -> Iterator[Values]:
    """Topics, then replies. What they have in common has the same names in both."""
    return (_content_of(values, origin, kind) for kind in _TYPES for values in _stored(session, origin, kind))


def _content_of(values: Values, origin: Origin, kind: Kind) -> Values:
    topic = values.get("topic_id")
    return {
        **values,
        "identifier": origin.identifier(kind, str(values["id"])),
        "tenant": origin.tenant,
        "type": _TYPES[kind],
        "topic_identifier": origin.identifier(Kind.TOPIC, str(topic)) if topic else None,
    }


def _activity(session: Session, origin: Origin) -> Iterator[Values]:
    for day, topic, views, values in imports.views(session, origin.connection):
        content = origin.identifier(Kind.TOPIC, topic)
        yield {
            "identifier": f"{content}/{VIEW}/{day}",
            "tenant": origin.tenant,
            "type": VIEW,
            "content_identifier": content,
            "subtype": values.get("subtype"),
            "category_name": values.get("category_name"),
            "title": values.get("title"),
            "date": day,
            "count": views,
        }


def _trend(session: Session, origin: Origin) -> Iterator[Values]:
    """One record for each day on which something happened, in order. What is counted by its own date is 0 where there is none."""
    none = dict.fromkeys(("members_joined", "topics_created", *_TREND_OF_SUBTYPE.values(), "replies_created"), 0)
    found: dict[str, dict[str, Json]] = {
        day: {**none, **noted} for day, noted in imports.days(session, origin.connection).items()
    }
    counts: Iterable[tuple[str, str, int]] = chain(
        ((day, "members_joined", n) for day, _, n in _created(session, origin, Kind.MEMBER, "joined_at")),
        *(
            [(day, "topics_created", n), (day, _TREND_OF_SUBTYPE.get(subtype, ""), n)]
            for day, subtype, n in _created(session, origin, Kind.TOPIC, "created_at")
        ),
        ((day, "replies_created", n) for day, _, n in _created(session, origin, Kind.REPLY, "created_at")),
    )
    for day, name, n in counts:
        if name:
            counted = found.setdefault(day, {**none})
            counted[name] = int(counted.get(name) or 0) + n  # type: ignore[arg-type]
    for day in sorted(found):
        yield {"identifier": f"{origin.connection}/{day}", "tenant": origin.tenant, "date": day, **found[day]}


def _created(session: Session, origin: Origin, kind: Kind, source: str) -> Iterator[tuple[str, str, int]]:
    return imports.created_by_day(session, origin.connection, kind, source)


def _of(kind: Kind) -> Callable[[Session, Origin], Iterator[Values]]:
    return lambda session, origin: _stored(session, origin, kind)


READERS: Mapping[str, Callable[[Session, Origin], Iterator[Values]]] = {
    Kind.MEMBER.value: _of(Kind.MEMBER),
    Kind.TOPIC.value: _of(Kind.TOPIC),
    Kind.CATEGORY.value: _of(Kind.CATEGORY),
    Kind.IDEA_STATUS.value: _of(Kind.IDEA_STATUS),
    Kind.REPLY.value: _of(Kind.REPLY),
    "Content": _content,
    "Activity": _activity,
    "Trend": _trend,
}
