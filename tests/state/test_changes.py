"""Changes as records: the comparison, what is left of a record that did not change, and what is not sent again."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.model.document import DocumentId
from reconciler.model.outcome import Reason, RecordChange, Rejection, Write
from reconciler.state import journal, ledger, outcomes, runs
from reconciler.state.database import Database
from reconciler.state.staging import Workspace
from tests.state.conftest import NOW

SYNC = DocumentId("Sync", "people")
ITEMS = ["City", 'O"Brien; DROP TABLE x', "Größe"]
PERMANENT = {Reason.VALUE_INVALID, Reason.VALUE_OVERLONG}

Staged = dict[str, tuple[str | None, ...]]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
ROWS = st.dictionaries(
    st.text("abAB1ä", min_size=1, max_size=2), st.tuples(*[st.none() | TEXT] * len(ITEMS)), max_size=8
)


def opened(database: Database, items: list[str] = ITEMS) -> ledger.Ledger:
    with database.begin() as session:
        return ledger.open_ledger(session, f"record:{time.monotonic_ns()}", items)


def stage(workspace: Workspace, staged: Staged, items: list[str] = ITEMS) -> None:
    workspace.stage(items)
    workspace.load("stage", ((key, f"Label {key}", *values) for key, values in sorted(staged.items())))


def changed(workspace: Workspace) -> list[RecordChange]:
    return [change for _, change in workspace.changed_records(0, 1000)]


def acknowledge(database: Database, book: ledger.Ledger, staged: Staged) -> None:
    changes = [RecordChange(key, f"Label {key}", values, (None,) * len(values)) for key, values in staged.items()]
    with database.begin() as session:
        ledger.acknowledge_records(session, book, ITEMS, changes, 1, now=NOW)


def rejected(item: str, key: str, value: str | None, reason: Reason = Reason.VALUE_INVALID) -> Rejection:
    return Rejection(key=key, label=f"Label {key}", item=item, value=value, reason=reason, detail="")


def test_a_record_is_one_change_with_what_is_new_and_what_was_before(database: Database) -> None:
    book = opened(database)
    acknowledge(database, book, {"1": ("same", "old", None), "2": ("kept", None, None), "8": ("gone", None, None)})
    with database.workspace() as workspace:
        stage(
            workspace,
            {"1": ("same", "new", "first"), "2": (None, None, None), "3": ("", None, None), "4": ("a", "b", None)},
        )
        assert workspace.diff_records(book) == dict(zip(ITEMS, [2, 2, 1], strict=True))
        assert workspace.count_changed_records() == 3
        assert changed(workspace) == [
            ("1", "Label 1", (None, "new", "first"), (None, "old", None)),
            ("3", "Label 3", ("", None, None), (None, None, None)),
            ("4", "Label 4", ("a", "b", None), (None, None, None)),
        ]
        [first, second] = workspace.changed_records(0, 2)
        assert [change.key for _, change in workspace.changed_records(second[0], 2)] == ["4"]
        assert workspace.unchanged([first, second]) == {"1": {"City": "same"}}
        assert workspace.unchanged([]) == {}
        assert workspace.changed_values("City") == ["", "a"]


def test_a_ledger_that_does_not_exist_makes_everything_new(database: Database) -> None:
    database.migrate()
    with database.read() as session:
        book = ledger.find(session, "record:none", ITEMS)
    with database.workspace() as workspace:
        stage(workspace, {"1": ("a", None, "c")})
        assert workspace.diff_records(book) == dict(zip(ITEMS, [1, 0, 1], strict=True))
        assert changed(workspace) == [("1", "Label 1", ("a", None, "c"), (None, None, None))]
    with database.begin() as session, pytest.raises(errors.StateProblem, match="opened"):
        ledger.acknowledge_records(session, book, ITEMS, [], 1, now=NOW)


def test_five_hundred_fields_are_compared(database: Database) -> None:
    items = [f"F{number}" for number in range(500)]
    book = opened(database, items)
    with database.workspace() as workspace:
        stage(workspace, {"1": tuple(items), "2": (None,) * 499 + ("x",)}, items)
        assert sum(workspace.diff_records(book).values()) == 501
        assert [change.values[-1] for change in changed(workspace)] == ["F499", "x"]
        assert workspace.unchanged(workspace.changed_records(0, 10)) == {}


def test_what_was_rejected_as_it_is_goes_no_second_time(database: Database) -> None:
    book = opened(database)
    with database.begin() as session:
        found = [
            rejected(ITEMS[0], "1", "bad"),
            rejected(ITEMS[1], "1", "another"),
            rejected(ITEMS[0], "2", "bad"),
            rejected(ITEMS[2], "3", "bad", Reason.CS_UNAVAILABLE),
        ]
        outcomes.record(session, SYNC, found, 1, now=NOW)
        outcomes.record(session, DocumentId("Sync", "others"), [rejected(ITEMS[1], "2", "good")], 1, now=NOW)
    staged: Staged = {"1": ("bad", "new", None), "2": ("bad", None, None), "3": ("x", None, "bad")}
    with database.workspace() as workspace:
        stage(workspace, staged)
        workspace.diff_records(book)
        assert workspace.withhold(SYNC, PERMANENT, NOW + timedelta(seconds=1)) == {}
        assert workspace.withhold(SYNC, PERMANENT, NOW) == {("City", Reason.VALUE_INVALID): 2}
        assert [(change.key, change.values) for change in changed(workspace)] == [
            ("1", (None, "new", None)),
            ("3", ("x", None, "bad")),
        ]
        assert workspace.count_changed() == dict(zip(ITEMS, [1, 1, 1], strict=True))
        assert workspace.unchanged(workspace.changed_records(0, 10)) == {"1": {}}, "what is withheld is no part of it"
        with workspace.begin() as session:
            workspace.still_withheld(session, SYNC, 2)
        with database.read() as session:
            runs = {
                (one.rejection.key, one.rejection.item): one.run_id for one in outcomes.search(session, document=SYNC)
            }
        assert runs == {("1", ITEMS[0]): 2, ("1", ITEMS[1]): 1, ("2", ITEMS[0]): 2, ("3", ITEMS[2]): 1}
        stage(workspace, staged)
        workspace.diff_records(book)
        assert workspace.unchanged(workspace.changed_records(0, 10)) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cycles=st.lists(ROWS, min_size=1, max_size=4), lost=st.sets(st.integers(0, 20)))
def test_the_ledger_follows_what_was_acknowledged(database: Database, cycles: list[Staged], lost: set[int]) -> None:
    """Cycle after cycle, the ledger is what a dictionary would be."""
    book = opened(database)
    model: dict[tuple[str, str], str] = {}
    with database.workspace() as workspace:
        for number, staged in enumerate(cycles):
            stage(workspace, staged)
            cells = {
                (key, item): value
                for key, values in staged.items()
                for item, value in zip(ITEMS, values, strict=True)
                if value is not None
            }
            wanted = {at: value for at, value in cells.items() if model.get(at) != value}
            assert sum(workspace.diff_records(book).values()) == len(wanted)
            found = workspace.changed_records(0, 1000)
            changes = [change for _, change in found]
            assert {
                (c.key, i): v for c in changes for i, v in zip(ITEMS, c.values, strict=True) if v is not None
            } == wanted
            assert [change.key for change in changes] == sorted({key for key, _ in wanted})
            for change in changes:
                before = [
                    model.get((change.key, item)) if value is not None else None
                    for item, value in zip(ITEMS, change.values, strict=True)
                ]
                assert list(change.befores) == before
            rest = workspace.unchanged(found)
            left = {(c.key, item): v for c in changes for item, v in rest.get(c.key, {}).items()}
            keys = {change.key for change in changes}
            assert left == {at: v for at, v in cells.items() if at not in wanted and at[0] in keys}
            kept = [change for place, change in enumerate(changes) if place not in lost]
            with workspace.begin() as session:
                ledger.acknowledge_records(session, book, ITEMS, kept, number, now=NOW)
            model |= {(c.key, i): v for c in kept for i, v in zip(ITEMS, c.values, strict=True) if v is not None}
    with database.read() as session:
        assert {(key, item): value for key, _, item, value in ledger.export(session, book)} == model


def test_a_journalled_batch_of_records_says_what_was_about_to_be_written(database: Database) -> None:
    changes = [
        RecordChange("1", "Ada", ("Paris", None, "7"), ("Rome", None, None)),
        RecordChange("2", "Bob", (None, "ü", None), (None, "u", None)),
    ]
    database.migrate()
    with database.begin() as session:
        run = runs.open_run(session, SYNC, job="j", connection="c", now=NOW)
        journal.open_records(session, run.id, SYNC, ITEMS, changes, now=NOW)
        [batch] = journal.pending(session, SYNC)
    assert batch.writes == (
        Write(key="1", label="Ada", item=ITEMS[0], before="Rome", value="Paris"),
        Write(key="1", label="Ada", item=ITEMS[2], before=None, value="7"),
        Write(key="2", label="Bob", item=ITEMS[1], before="u", value="ü"),
    )
