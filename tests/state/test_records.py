"""What each repository remembers, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from reconciler import errors
from reconciler.model.document import Document, DocumentId
from reconciler.model.outcome import Outcome, Reason, Rejection, Write
from reconciler.model.run import CUT_OFF, RunResult, Tally
from reconciler.model.status import Status, StatusEntry
from reconciler.state import catalogs, documents, journal, leases, meta, outcomes, runs, standing, statuses, tables
from reconciler.state.database import Database
from tests.state.conftest import MAPPING, NOW, Open

LATER = NOW + timedelta(hours=4)
OTHER = DocumentId("ProfileFieldMapping", "other")


def document(name: str = "acme-profile", **spec: object) -> Document:
    return Document(id=DocumentId("ProfileFieldMapping", name), spec=spec, labels={"team": "cs"})  # type: ignore[arg-type]


def tally(read: int = 3, **outcomes: int) -> Tally:
    made = Tally(read=read)
    for name, count in outcomes.items():
        made.add(Outcome(name), count=count)
    return made


class TestMeta:
    def test_serial_grows_and_keeps_what_is_not_said(self, database: Database) -> None:
        with database.begin() as session:
            assert meta.initialise(session, "acme", "l1", now=NOW).serial == 0
            assert meta.bump(session, digest="d1", commit="c1") == 1
            assert meta.bump(session) == 2
        with database.read() as session:
            found = meta.read(session)
        assert found == meta.Meta(project="acme", lineage="l1", serial=2, desired_digest="d1", commit="c1")

    def test_an_existing_lineage_stays(self, database: Database) -> None:
        with database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
            assert meta.initialise(session, "acme", "l2", now=NOW).lineage == "l1"

    def test_two_first_applies_agree_on_one_lineage(self, open_again: Open) -> None:
        first, second = open_again(), open_again()
        first.migrate()
        with first.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        with second.begin() as session:
            assert meta.initialise(session, "acme", "l2", now=NOW).lineage == "l1"

    def test_another_project_or_lineage_is_foreign(self, database: Database) -> None:
        with database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        with database.read() as session:
            assert meta.expect(session, "acme", "l1") is not None
            for project, lineage in (("umbrella", None), ("acme", "l2")):
                with pytest.raises(errors.StateForeign) as caught:
                    meta.expect(session, project, lineage)
                assert caught.value.hint

    def test_a_serial_needs_a_state(self, database: Database) -> None:
        with database.begin() as session, pytest.raises(errors.StateProblem, match="applied"):
            meta.bump(session)


class TestDocuments:
    def test_generations_count_changes_only(self, database: Database) -> None:
        with database.begin() as session:
            saved = [
                documents.save(session, document(a=1), now=NOW, serial=1),
                documents.save(session, document(a=1), now=LATER, serial=2),
                documents.save(session, document(a=2), now=LATER, serial=3),
            ]
            assert saved == [1, 1, 2]
        with database.read() as session:
            recorded = documents.load(session)[MAPPING]
            assert standing.read(session.execute_raw).documents == {MAPPING: document(a=2).digest}
        assert recorded.document == document(a=2)
        assert (recorded.generation, recorded.applied_at, recorded.applied_serial) == (2, LATER, 3)

    def test_a_forgotten_document_keeps_its_row_and_may_come_back(self, database: Database) -> None:
        with database.begin() as session:
            documents.save(session, document(a=1), now=NOW, serial=1)
            documents.forget(session, MAPPING, now=LATER, serial=2)
            assert standing.read(session.execute_raw).documents == {} == documents.load(session)
            assert documents.load(session, forgotten=True)[MAPPING].forgotten_at == LATER
            with pytest.raises(errors.NotFound):
                documents.forget(session, MAPPING, now=LATER, serial=3)
            documents.save(session, document(a=1), now=LATER, serial=3)
            assert documents.load(session)[MAPPING].forgotten_at is None

    def test_many_may_be_asked_for_by_name(self, database: Database) -> None:
        names = [f"m{number:04d}" for number in range(600)]
        with database.begin() as session:
            for name in names:
                documents.save(session, document(name), now=NOW, serial=1)
        wanted = [DocumentId("ProfileFieldMapping", name) for name in [*names[:550], "missing"]]
        with database.read() as session:
            assert list(documents.load(session, wanted)) == wanted[:-1]
            assert documents.load(session, []) == {}

    def test_content_comes_back_as_it_was(self, database: Database) -> None:
        made = document(
            text="ü 漢 😀 'quote' \\ \n", number=12345678901234567890, nothing=None, deep=[{"a": [1.5, True]}]
        )
        with database.begin() as session:
            documents.save(session, made, now=NOW, serial=1)
        with database.read() as session:
            assert documents.load(session)[MAPPING].document == made


def test_catalogs(database: Database) -> None:
    with database.begin() as session:
        assert catalogs.read(session, "acme-cs") is None
        catalogs.save(session, "acme-cs", "d1", {"a": 1}, now=NOW)
        catalogs.save(session, "acme-cs", "d2", {"a": [2, "ü"]}, now=LATER)
        assert standing.read(session.execute_raw).catalogs == {"acme-cs": "d2"}
        assert catalogs.read(session, "acme-cs") == catalogs.RecordedCatalog(
            digest="d2", content={"a": [2, "ü"]}, saved_at=LATER
        )


def entry(item: str = "", name: str = "acme-profile", status: Status = Status.PENDING) -> StatusEntry:
    return StatusEntry(
        kind="ProfileFieldMapping",
        name=name,
        item=item,
        status=status,
        reason="new",
        since=NOW,
        run_id=None,
        last_run_at=None,
        tally=tally(updated=3),
    )


def test_statuses(database: Database) -> None:
    with database.begin() as session:
        statuses.replace(session, [entry("b"), entry(), entry("a"), entry(name="other")])
        statuses.replace(session, [entry("a", status=Status.SUCCESSFUL)])
        statuses.replace(session, [])
        found = statuses.read(session, MAPPING)
        assert [e.item for e in found] == ["", "a", "b"]
        assert found[1] == entry("a", status=Status.SUCCESSFUL)
        statuses.remove(session, MAPPING, ["b", "unknown"])
        assert [e.item for e in statuses.read(session, MAPPING)] == ["", "a"]
        statuses.remove(session, MAPPING)
        assert [e.name for e in statuses.read(session)] == ["other"]


class TestRuns:
    def open(self, session: object, id: DocumentId = MAPPING) -> int:
        return runs.open_run(session, id, job="CC User Profile Update", connection="acme-cc", now=NOW).id  # type: ignore[arg-type]

    def test_a_run_from_start_to_end(self, database: Database) -> None:
        with database.begin() as session:
            leases.acquire(session, str(MAPPING), "process 7")
            run_id = self.open(session)
            assert runs.get(session, run_id).result is RunResult.RUNNING
            runs.progress(session, run_id, tally(updated=1), 7, now=LATER)
            assert runs.get(session, run_id).calls == 7
            closed = runs.close(
                session,
                run_id,
                result=RunResult.PARTIAL,
                tally=tally(updated=2, rejected=1),
                items={"Job Title": tally(updated=2, rejected=1), "Äther": tally(0)},
                calls=9,
                reason="1 × Straße",
                now=LATER,
            )
            assert closed == runs.latest(session, MAPPING)
            assert (closed.ended_at, closed.calls, closed.tally.invalid) == (LATER, 9, 1)
            assert runs.items(session, run_id) == {"Job Title": tally(updated=2, rejected=1), "Äther": tally(0)}
            assert runs.latest(session, OTHER) is None

    def test_several_by_id(self, database: Database) -> None:
        with database.begin() as session:
            first, second = self.open(session), self.open(session, OTHER)
            assert list(runs.by_id(session, [second, first, 99])) == [first, second]
            assert runs.by_id(session, []) == {}

    def test_unknown_runs(self, database: Database) -> None:
        with database.begin() as session:
            for use in (
                lambda: runs.get(session, 7),
                lambda: runs.progress(session, 7, tally(), 0, now=NOW),
                lambda: runs.close(
                    session, 7, result=RunResult.FAILED, tally=tally(), items={}, calls=0, reason="", now=NOW
                ),
            ):
                with pytest.raises(errors.NotFound):
                    use()

    def test_search_pages_and_filters(self, database: Database) -> None:
        with database.begin() as session:
            ids = [self.open(session, MAPPING if number % 2 else OTHER) for number in range(6)]
            for number, reason in ((0, "100% ÜBEL_1"), (1, "100 übelx1")):
                runs.close(
                    session,
                    ids[number],
                    result=RunResult.FAILED,
                    tally=tally(),
                    items={},
                    calls=0,
                    reason=reason,
                    now=NOW,
                )

            def found(**wanted: object) -> list[int]:
                return [run.id for run in runs.search(session, limit=10, **wanted)]  # type: ignore[arg-type]

            assert found() == ids[::-1]
            assert [run.id for run in runs.search(session, limit=2, before=ids[4])] == [ids[3], ids[2]]
            assert found(document=MAPPING) == [ids[5], ids[3], ids[1]]
            assert found(result=RunResult.FAILED) == [ids[1], ids[0]]
            assert found(text="übel") == [ids[1], ids[0]]
            assert found(text="0% Ü") == [ids[0]]
            assert found(text="el_1") == [ids[0]]
            assert found(text="acme-profile", result=RunResult.FAILED) == [ids[1]]

    def test_what_a_killed_process_left_running_is_closed(self, database: Database) -> None:
        with database.begin() as session:
            leases.acquire(session, str(OTHER), "process 7")
            left, other = self.open(session), self.open(session, OTHER)
            done = self.open(session)
            runs.close(session, done, result=RunResult.SUCCESS, tally=tally(), items={}, calls=0, reason="", now=NOW)
            assert [run.id for run in runs.abandoned(session, MAPPING, now=LATER)] == [left]
            assert runs.abandoned(session, MAPPING, now=LATER) == []
            found = {run.id: run for run in runs.search(session, limit=5)}
        assert (found[left].result, found[left].ended_at) == (RunResult.INTERRUPTED, LATER)
        assert found[left].reason
        assert found[other].result is RunResult.RUNNING
        assert found[done].result is RunResult.SUCCESS

    @pytest.mark.parametrize("lease", ["held", "expired", "given back", "never taken"])
    def test_a_run_is_running_only_while_its_lease_is_held(self, database: Database, lease: str) -> None:
        with database.begin() as session:
            leases.acquire(session, str(OTHER), "another document's")
            if lease != "never taken":
                taken = leases.acquire(session, str(MAPPING), "process 7", -1 if lease == "expired" else 60)
            if lease == "given back":
                leases.release(session, taken)
            run_id = self.open(session)
        with database.read() as session:
            run = runs.get(session, run_id)
            found = {
                result: [run.id for run in runs.search(session, result=result, limit=5)]
                for result in (RunResult.RUNNING, RunResult.INTERRUPTED, None)
            }
            assert runs.unfinished(session) == {MAPPING: run}
            assert runs.search(session, text="CUT off", limit=5) == ([run] if run.cut_off else [])
            assert runs.newest_id(session) == run_id
            kept = session.execute(select(tables.runs.c.result)).scalar()
        assert kept == "Running", "a reader writes nothing"
        if lease == "held":
            assert (run.result, run.reason, run.cut_off) == (RunResult.RUNNING, "", False)
            assert found == {RunResult.RUNNING: [run_id], RunResult.INTERRUPTED: [], None: [run_id]}
        else:
            assert (run.result, run.reason, run.cut_off) == (RunResult.INTERRUPTED, CUT_OFF, True)
            assert found == {RunResult.RUNNING: [], RunResult.INTERRUPTED: [run_id], None: [run_id]}


def rejection(key: str, item: str = "Job Title", **other: object) -> Rejection:
    values = {"label": f"User {key}", "value": "x", "reason": Reason.FIELD_MISSING, "detail": "404"} | other
    return Rejection(key=key, item=item, **values)  # type: ignore[arg-type]


class TestOutcomes:
    def test_history_is_kept(self, database: Database) -> None:
        with database.begin() as session:
            outcomes.record(session, MAPPING, [rejection("1")], 1, now=NOW)
            outcomes.record(session, MAPPING, [rejection("1", value=None, reason=Reason.TOO_LONG)], 2, now=LATER)
            [found] = outcomes.search(session)
        assert (found.first_seen, found.last_seen, found.attempts, found.run_id) == (NOW, LATER, 2, 2)
        assert found.rejection == rejection("1", value=None, reason=Reason.TOO_LONG)

    def test_what_was_acknowledged_goes_and_the_rest_is_swept_by_a_complete_run(self, database: Database) -> None:
        with database.begin() as session:
            outcomes.record(session, MAPPING, [rejection(key) for key in "1234"], 1, now=NOW)
            outcomes.record(session, OTHER, [rejection("1")], 1, now=NOW)
            outcomes.clear(session, MAPPING, [("Job Title", "1"), ("Other", "2")])
            outcomes.clear(session, MAPPING, [])
            outcomes.record(session, MAPPING, [rejection("3")], 2, now=LATER)
            assert outcomes.sweep(session, MAPPING, 2) == 2
            assert [(r.document, r.rejection.key) for r in outcomes.search(session)] == [(MAPPING, "3"), (OTHER, "1")]

    def test_what_is_forgotten_goes(self, database: Database) -> None:
        with database.begin() as session:
            outcomes.record(session, MAPPING, [rejection("1", item) for item in "ABC"], 1, now=NOW)
            outcomes.record(session, OTHER, [rejection("1", "A")], 1, now=NOW)
            outcomes.remove(session, MAPPING, ["A", "unknown"])
            assert [r.rejection.item for r in outcomes.search(session, document=MAPPING)] == ["B", "C"]
            outcomes.remove(session, MAPPING)
            assert [r.document for r in outcomes.search(session)] == [OTHER]

    def test_search_streams_pages_in_order_and_filters(self, database: Database) -> None:
        keys = [*(f"{number}" for number in range(2500)), "ada@example.com"]
        odd = [rejection("z", "B", reason=Reason.REFUSED, label="Zoë ÄRGER", detail="50% off")]
        with database.begin() as session:
            outcomes.record(session, MAPPING, [rejection(key, "A") for key in reversed(keys)], 1, now=NOW)
            outcomes.record(session, OTHER, odd, 1, now=NOW)
        with database.read() as session:
            assert [r.rejection.key for r in outcomes.search(session, document=MAPPING)] == keys
            assert [r.rejection.key for r in outcomes.by_record(session, MAPPING)] == keys
            assert outcomes.count(session) == 2502
            for wanted in ({"text": "zoë ä"}, {"text": "50%"}, {"reason": Reason.REFUSED}, {"item": "B"}):
                found = list(outcomes.search(session, **wanted))  # type: ignore[arg-type]
                assert [r.rejection for r in found] == odd
                assert outcomes.count(session, **wanted) == 1  # type: ignore[arg-type]


def test_journal(database: Database) -> None:
    writes = [
        Write(key="1", label="Zoë", item="A", before=None, value="ü"),
        Write(key="2", label="", item="B", before="x", value=""),
    ]
    with database.begin() as session:
        run_id = runs.open_run(session, MAPPING, job="j", connection="c", now=NOW).id
        first = journal.open_batch(session, run_id, MAPPING, writes, now=NOW)
        second = journal.open_batch(session, run_id, MAPPING, writes[:1], now=LATER)
        assert [batch.id for batch in journal.pending(session, MAPPING)] == [first, second]
        assert journal.pending(session, OTHER) == []
        journal.close_batch(session, second, now=LATER)
        [left] = journal.pending(session, MAPPING)
        with pytest.raises(errors.NotFound):
            journal.close_batch(session, second, now=LATER)
        journal.expire(session, before=LATER + timedelta(days=1))
        assert journal.pending(session, MAPPING) == [left]
        assert session.execute(select(tables.batches.c.id)).scalars().all() == [first]
    assert (left.run_id, left.writes, left.opened_at) == (run_id, tuple(writes), NOW)
