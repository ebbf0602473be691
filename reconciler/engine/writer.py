"""Sending the changed values of a cycle: journalled batches, several workers, one transaction for each batch's results."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from reconciler import errors, failpoints
from reconciler.failpoints import Step
from reconciler.model.outcome import Outcome, Rejection, Write, WriteResult
from reconciler.model.run import Tally
from reconciler.state import journal, ledger, outcomes, runs
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

if TYPE_CHECKING:
    from reconciler.engine.cycle import Progress, _Cycle


_Batch = tuple[int, Sequence[Write]]


class _Taken(NamedTuple):
    """A journalled batch: its id, the number of its last change, and its writes."""

    id: int
    last: int
    writes: Sequence[Write]


class Writer:
    """The write phase of one cycle.

    Each worker sends a batch, and in one transaction records what came back and journals its next one. All of them share
    the cycle's one database connection, one at a time: transactions are short, calls are long.
    """

    def __init__(self, cycle: _Cycle, workspace: Workspace, book: ledger.Ledger, progress: Progress) -> None:
        self._cycle = cycle
        self._workspace = workspace
        self._book = book
        self._progress = progress
        self._door = threading.Lock()
        self._last = 0
        self._trouble: Exception | None = None

    def run(self) -> None:
        """Send everything. Raises what stopped the workers, after everything acknowledged has been recorded."""
        total = self._cycle.changed
        if not total:
            return
        destination = self._cycle.ends.destination
        self._progress.phase("writing", total)
        workers = min(destination.concurrency, -(-total // destination.batch_size))
        with ThreadPoolExecutor(workers, thread_name_prefix="writer") as pool:
            for _ in range(workers):
                pool.submit(self._work)
        if self._trouble is not None:
            raise self._trouble
        self._cycle.lease.refuse_lost()
        if self._cycle.stop.is_set():
            raise errors.Interrupted("interrupted; everything that was acknowledged is recorded")

    def _work(self) -> None:
        try:
            with self._door:
                batch = self._turn(None, ())
            while batch is not None:
                batch = self._deliver(*batch)
        except Exception as trouble:  # noqa: BLE001 - the boundary around a batch: the other workers must stop, then it is raised
            self._trouble = self._trouble or trouble

    def _deliver(self, batch_id: int, batch: Sequence[Write]) -> _Batch | None:
        """Send one batch, record what came back, also when sending broke off, and give the next one."""
        results: list[WriteResult] = []
        try:
            self._send(batch, results)
        except Exception as trouble:
            self._trouble = self._trouble or trouble
            # The value under way when it broke off may have arrived, too.
            self._settle(batch_id, results, min(len(results) + 1, len(batch)))
            raise
        failpoints.reached(Step.BATCH_SENT)
        return self._settle(batch_id, results, len(results))

    def _settle(self, batch_id: int, results: Sequence[WriteResult], sent: int) -> _Batch | None:
        with self._door:
            try:
                return self._turn(batch_id, results)
            except Exception as trouble:
                # Noted before the next worker has its turn, which may fail because of this.
                self._trouble = self._trouble or trouble
                self._cycle.unrecorded += sent
                raise

    @property
    def _stopping(self) -> bool:
        return self._trouble is not None or self._cycle.stop.is_set() or not self._cycle.lease.sure

    def _send(self, batch: Sequence[Write], results: list[WriteResult]) -> None:
        for result in self._cycle.ends.destination.write(batch):
            results.append(result)
            self._progress.advance(1)
            if self._stopping:
                return

    def _turn(self, batch_id: int | None, results: Sequence[WriteResult]) -> _Batch | None:
        """Record the results of one batch and journal the next, in one transaction, only while the lease is ours.

        Before the first byte of a batch is sent, the database knows of it. Only behind the door.
        """
        with self._workspace.begin() as session:
            self._cycle.lease.assert_held(session)
            if batch_id is not None:
                self._record(session, batch_id, results)
            following = None if self._stopping else self._take(session)
        self._count(results)
        if following:
            self._last = following.last
        if batch_id is not None:
            failpoints.reached(Step.BATCH_RECORDED)
        if following:
            failpoints.reached(Step.BATCH_JOURNALLED)
        return (following.id, following.writes) if following else None

    def _record(self, session: Session, batch_id: int, results: Sequence[WriteResult]) -> None:
        cycle, now = self._cycle, self._cycle.clock.now()
        done = [result for result in results if result.acknowledged]
        refused = [_rejection(result) for result in results if not result.acknowledged]
        ledger.acknowledge(session, self._book, done, cycle.run.id, now=now)
        outcomes.clear(session, cycle.document, [(r.write.item, r.write.key) for r in done])
        outcomes.record(session, cycle.document, refused, cycle.run.id, now=now)
        journal.close_batch(session, batch_id, now=now)
        runs.progress(session, cycle.run.id, Tally.total(cycle.tallies.values()), cycle.ends.calls(), now=now)

    def _take(self, session: Session) -> _Taken | None:
        destination = self._cycle.ends.destination
        take = self._workspace.changes_of_records if destination.whole_records else self._workspace.changes
        found = take(self._last, destination.batch_size)
        if not found:
            return None
        writes = [write for _, write in found]
        now = self._cycle.clock.now()
        id = journal.open_batch(session, self._cycle.run.id, self._cycle.document, writes, now=now)
        return _Taken(id, found[-1][0], writes)

    def _count(self, results: Sequence[WriteResult]) -> None:
        for result in results:
            done = Outcome.CREATED if result.created else Outcome.UPDATED
            outcome = done if result.acknowledged else Outcome.REJECTED
            self._cycle.tallies[result.write.item].add(outcome, result.reason)


def _rejection(result: WriteResult) -> Rejection:
    write = result.write
    assert result.reason is not None
    return Rejection(
        key=write.key, label=write.label, item=write.item, value=write.value, reason=result.reason, detail=result.detail
    )
