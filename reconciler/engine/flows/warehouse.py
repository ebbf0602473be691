"""Rows of a model to records of a Gainsight CS object: how they are read and staged, and how changes become records.

The stage holds the text that the source gave. What the API takes is made of it only when a value has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from reconciler.connectors.base import RecordDestination, RowSource
from reconciler.engine.flows.base import REJECTED, Emptiness, Staged
from reconciler.engine.flows.cursor import Cursor
from reconciler.engine.flows.records import FieldsEnd, key_text, key_values
from reconciler.model.catalog import CatalogObject, DataType
from reconciler.model.destination import PEOPLE
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason
from reconciler.model.resources import FieldRule, Model, Sync, WhenNull
from reconciler.model.run import Extent, Tally
from reconciler.model.value import CLEARED, INVALID, Rendered
from reconciler.model.watermark import Since
from reconciler.records.coerce import plain_length, usual_number
from reconciler.records.render import Unrenderable
from reconciler.records.template import Template
from reconciler.records.text_of import UNSTORABLE, flaw_of, rendition, storable
from reconciler.state import ledger
from reconciler.state.ledger import Ledger
from reconciler.state.session import Session
from reconciler.state.shaping import Cell, KeyCell, Shape
from reconciler.state.staging import Workspace

ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
"""E-mail addresses are compared without case. Beyond ASCII databases and Python disagree about case, and mail servers, too."""

PERSON_EMAIL = "Person Email"
"""The part of a key that names the person of a Company Person or a Relationship Person."""

_NAMING = ("Company Name", "Relationship Name")
"""Parts of keys that name other records, which are looked up by them."""

ID = "Gsid"
"""As `lookup` of a field: its values are ids already, and nothing has to be looked up."""

PAGE_ROWS = 1000
"""Rows that are made ready at a time."""

_MARKS = (CLEARED, INVALID)

Cells = tuple[str | None, ...]
Reader = Callable[[Cells], Rendered]


def scope(sync: Sync) -> str:
    """The ledger of an object under one key. It belongs to the destination: a field keeps its history when its Sync moves."""
    return f"record:{sync.connection}:{sync.object}:{','.join(sync.key)}"


def place(sync: Sync) -> str:
    """What only one cycle may write to at a time: an object, and for people all that the People API makes persons of."""
    return f"records of {sync.connection}/{'people' if sync.object in PEOPLE else sync.object}"


def job(sync: Sync) -> str:
    """What the activity log calls a cycle."""
    return f"Sync to {sync.object}"


def items(sync: Sync) -> tuple[str, ...]:
    """The fields that a sync writes, in the order of stage and changes."""
    return tuple(sorted(rule.field for rule in sync.fields))


def end(sync: Sync, target: CatalogObject, writer: RecordDestination) -> FieldsEnd:
    """Where the records of a sync go."""
    named = [rule.field for rule in sync.fields if rule.lookup not in (None, ID)]
    fields = {name: target.fields[name] for name in items(sync)}
    # What names another record is a text, whatever type the field has; a lookup may also be a GSID, such as ParentCompany.
    fields |= {name: replace(target.fields[name], data_type=DataType.LOOKUP) for name in named}
    return FieldsEnd(
        writer=writer,
        fields=fields,
        plain={item: plain_length(field) for item, field in fields.items()},
        key_names={name: place for place, name in enumerate(sync.key) if name in _NAMING},
        item_names=named,
    )


class WarehouseFlow:
    """One cycle's reading side of a `Sync`."""

    def __init__(
        self, sync: Sync, model: Model, target: CatalogObject, source: RowSource, cursor: Cursor | None = None
    ) -> None:
        self._sync = sync
        self._model = model
        self._source = source
        self._cursor = cursor
        self._ledger: Ledger | None = None
        """What was written before; None where it does not matter yet."""
        self._rules = tuple(sorted(sync.fields, key=lambda rule: rule.field))
        self.items = items(sync)
        self.staged = Staged(tallies={item: Tally() for item in self.items})
        self._columns = self._needed()
        self._keys = [
            KeyCell(
                place=self._columns.index(column),
                address=_is_address(field, target),
                number=field in target.fields and target.fields[field].data_type is DataType.NUMBER,
            )
            for field, column in sync.key.items()
        ]
        self._readers = [self._reader(rule) for rule in self._rules]
        self._unlooked = False
        """Whether nobody has looked into the keys."""
        self._without_key = 0
        self._rejected = 0
        """Rows whose key is no text."""
        self._bad_keys: list[tuple[str, str, str, str, str]] = []

    @property
    def extent(self) -> Extent | None:
        return None if self._cursor is None else self._cursor.extent

    @property
    def whole(self) -> bool:
        """Whether a record that is not staged has gone."""
        return self.extent is not Extent.CURSOR

    def recall(self, session: Session) -> None:
        self._ledger = ledger.find(session, scope(self._sync), self.items)
        if self._cursor is not None:
            self._cursor.recall(session)

    def settle(self, session: Session, tally: Tally) -> None:
        if self._cursor is not None:
            self._cursor.settle(session, tally)

    def empty(self) -> list[Emptiness]:
        """A model without rows."""
        if not self.whole or any(tally.read for tally in self.staged.tallies.values()):
            return []
        meant = "if it is empty on purpose, there is nothing to sync: suspend the Sync, or remove it"
        return [Emptiness(text=f"the model '{self._model.name}' returned no rows", meant=meant)]

    def stage(self, workspace: Workspace) -> Staged:
        """Read the model into temporary tables, one row for each key. Raises `errors.RemoteError`.

        Where source and state are databases of the same kind, the rows go from one to the other without becoming objects here.
        """
        workspace.stage(self.items)
        workspace.create("rejected", REJECTED)
        if self._cursor is not None:
            self._cursor.look()
        shape, query, since = self._shape(), self._model.query, self._since
        if shape is not None and workspace.attaches and self._source.stages:
            fill = partial(self._source.stage_file, query, self._columns, since=since)
            with workspace.attach(f"stage-{self._sync.name}", fill) as rows:
                self._stage_shaped(workspace, rows, shape)
            self._unlooked = True
        elif shape is not None and workspace.copies and self._source.copies:
            rows = workspace.copy_in(shape.width, self._source.copy_out(query, self._columns, since))
            self._stage_shaped(workspace, rows, shape)
        else:
            self._stage_rows(workspace, self._source.pages(query, self._columns, since))
        return self.staged

    def examine(self, workspace: Workspace) -> bool:
        """Find keys that are no text. Looking at every byte of all rows would take as long as all the rest; what has such a key
        was never sent, so it is among the changes."""
        found = workspace.take_unreadable() if self._unlooked else []
        for key, present in found:
            parts = [part if storable(part) else INVALID + UNSTORABLE for part in key_values(key)]
            self._refuse_key(parts)
            for item, there in zip(self.items, present, strict=True):
                self.staged.tallies[item].add(Outcome.REJECTED, Reason.KEY_INVALID)
                self.staged.tallies[item].add(Outcome.SKIPPED, Reason.NULL, 0 if there else -1)
        workspace.load("rejected", self._bad_keys)
        return bool(found)

    @property
    def _since(self) -> Since | None:
        return None if self._cursor is None else self._cursor.since

    def _stage_shaped(self, workspace: Workspace, rows: str, shape: Shape) -> None:
        found = workspace.respelled(rows, shape)
        if found is not None:
            given = (tuple(map(rendition, row)) for row in found)
            self._stage_rows(workspace, iter(lambda: list(islice(given, PAGE_ROWS)), []))
            return
        # Of a part of the rows the stage has to say which they were.
        conflicting = workspace.stage_shaped(rows, shape, self._ledger if self.whole else None)
        total = workspace.count_rows(rows)
        if workspace.count_records() < total:
            # Only what is wrong with its key is looked at, in the way that the slower path has.
            for cells in workspace.unkeyed(rows, shape):
                self._row(tuple(map(rendition, cells)))
            self._rejected += workspace.load("rejected", self._bad_keys)
            self._bad_keys.clear()
        self._finish(workspace, total - self._without_key - self._rejected, conflicting)

    def _stage_rows(self, workspace: Workspace, pages: Iterable[Sequence[Cells]]) -> None:
        workspace.create("raw", ("key", "label", *(f"c{place}" for place in range(len(self.items)))))
        for page in pages:
            workspace.load("raw", [row for cells in page if (row := self._row(cells)) is not None])
            self._rejected += workspace.load("rejected", self._bad_keys)
            self._bad_keys.clear()
        self._finish(workspace, workspace.count("raw"), workspace.stage_rows("raw"))

    def _finish(self, workspace: Workspace, rows: int, conflicting: int) -> None:
        duplicates = rows - conflicting - workspace.count_records()
        if self._cursor is not None and not self.whole:
            # Of rows at odds only one may have been touched. Which is right is not for its cursor to say.
            rows -= workspace.leave_out(self._cursor.document, Reason.KEY_CONFLICT)
        self._count(workspace, rows, conflicting, duplicates)
        self._reject(workspace, conflicting)

    def _shape(self) -> Shape | None:
        """What becomes of a row, where it can be said without templates."""
        if any(rule.template is not None for rule in self._rules):
            return None
        return Shape(width=len(self._columns), keys=self._keys, cells=[self._cell(rule) for rule in self._rules])

    def _cell(self, rule: FieldRule) -> Cell:
        if rule.column is None:
            return Cell(place=None, text=_constant(rule.constant))
        return Cell(place=self._columns.index(rule.column), text=_instead(rule))

    def _needed(self) -> list[str]:
        """The columns that are asked for, each once."""
        found = list(self._sync.key.values())
        for rule in self._rules:
            found += [rule.column] if rule.column is not None else []
            found += Template.parse(rule.template).columns if rule.template is not None else []
        return list(dict.fromkeys(found))

    def _reader(self, rule: FieldRule) -> Reader:
        plain, instead = self._plain(rule), _instead(rule)
        if instead is None:
            return plain

        def read(cells: Cells) -> Rendered:
            found = plain(cells)
            return instead if found is None else found

        return read

    def _plain(self, rule: FieldRule) -> Reader:
        if rule.column is not None:
            place = self._columns.index(rule.column)
            return lambda cells: cells[place] or None
        if rule.template is not None:
            return _templated(Template.parse(rule.template), self._columns)
        text = _constant(rule.constant)
        return lambda cells: text

    def _row(self, cells: Cells) -> list[Rendered] | None:
        """A row of the stage. What has no text is marked with the reason, and rejected when its record is made."""
        if any(cell is not None and cell[:1] in _MARKS for cell in cells):
            cells = tuple(cell if (flaw := flaw_of(cell)) is None else INVALID + flaw for cell in cells)
        keys = [_key(cells[key.place] or "", key) for key in self._keys]
        if not all(keys):
            self._without_key += 1
            return None
        if any(key.startswith(INVALID) for key in keys):
            self._refuse_key(keys)
            return None
        return [key_text(keys), " · ".join(keys), *(reader(cells) for reader in self._readers)]

    def _refuse_key(self, keys: Sequence[str]) -> None:
        flaw = next(key for key in keys if key.startswith(INVALID)).removeprefix(INVALID)
        label = " · ".join(key for key in keys if not key.startswith(INVALID))
        self._bad_keys.append(("", key_text(keys), label, Reason.KEY_INVALID.value, flaw))

    def _count(self, workspace: Workspace, rows: int, conflicting: int, duplicates: int) -> None:
        staged, present = workspace.count_records(), workspace.count_staged()
        for item, tally in self.staged.tallies.items():
            tally.read += rows + self._without_key + self._rejected
            tally.add(Outcome.REJECTED, Reason.KEY_NULL, self._without_key)
            tally.add(Outcome.REJECTED, Reason.KEY_INVALID, self._rejected)
            tally.add(Outcome.REJECTED, Reason.KEY_CONFLICT, conflicting)
            tally.add(Outcome.SKIPPED, Reason.DUPLICATE, duplicates)
            tally.add(Outcome.SKIPPED, Reason.NULL, staged - present[item])

    def _reject(self, workspace: Workspace, conflicting: int) -> None:
        """One record for each key that is wrong, not one for each of its fields: they are all wrong for the same reason."""
        if self._without_key:
            read = "" if self.whole else " among those that changed"
            detail = f"rows without a key{read}: {self._without_key:,}"
            workspace.load("rejected", [("", "", "(no key)", Reason.KEY_NULL.value, detail)])
        if conflicting:
            conflicts = workspace.conflicts()
            workspace.load(
                "rejected",
                (("", key, label, Reason.KEY_CONFLICT.value, f"{rows} rows") for key, label, rows in conflicts),
            )


def _templated(template: Template, columns: Sequence[str]) -> Reader:
    """A text of several columns. One that has no text has none either, whatever the others say."""
    places = [columns.index(column) for column in template.columns]

    def read(cells: Cells) -> Rendered:
        flawed = next((cell for place in places if (cell := cells[place]) is not None and cell[:1] == INVALID), None)
        if flawed is not None:
            return flawed
        try:
            return template.render(dict(zip(columns, cells, strict=True)))
        except Unrenderable as problem:
            return INVALID + str(problem)

    return read


def _key(text: str, key: KeyCell) -> str:
    """Blanks around a key mean nothing; neither does the case of an e-mail address, or how a number is spelled."""
    plain = text.strip()
    if key.number:
        return usual_number(plain)
    return plain.translate(ASCII_LOWER) if key.address else plain


def _instead(rule: FieldRule) -> Rendered:
    """What stands in place of a null."""
    if rule.when_null is WhenNull.CLEAR:
        return CLEARED
    return _constant(rule.default) if rule.when_null is WhenNull.DEFAULT else None


def _is_address(field: str, target: CatalogObject) -> bool:
    """Whether a part of a key is an e-mail address: as a field of the object, or of the person that it belongs to."""
    known = target.fields.get(field)
    return field == PERSON_EMAIL if known is None else known.data_type is DataType.EMAIL


def _constant(value: Json) -> Rendered:
    """A constant of the YAML as the text that a source would give."""
    match value:
        case None:
            return None
        case str():
            return value or None
        case bool():
            return "true" if value else "false"
        case _:
            return json.dumps(value, ensure_ascii=False)
