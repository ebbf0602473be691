"""Sending the changed values of a cycle: journalled batches, several workers, one transaction for each batch's results."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.model.outcome import Outcome, Rejection, Write, WriteResult
from reconciler.model.run import Tally
from reconciler.state import journal, ledger, outcomes, runs
from reconciler.state.staging import Workspace

if TYPE_CHECKING:
    from reconciler.engine.cycle import Progress, _Cycle


class Writer:
    """The write phase of one cycle.

    Each worker takes a batch, journals it, sends it and records what came back. All of them share the cycle's one
    database connection, one at a time: transactions are short, calls are long.
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
            while not self._stopping and (taken := self._take()):
                self._deliver(*taken)
        except Exception as trouble:  # noqa: BLE001 - the boundary around a batch: the other workers must stop, then it is raised
            self._trouble = self._trouble or trouble

    def _deliver(self, batch_id: int, batch: Sequence[Write]) -> None:
        """Send one batch and record what came back, also when sending broke off."""
        results: list[WriteResult] = []
        try:
            self._send(batch, results)
        finally:
            self._record(batch_id, results)

    @property
    def _stopping(self) -> bool:
        return self._trouble is not None or self._cycle.stop.is_set() or not self._cycle.lease.sure

    def _take(self) -> tuple[int, list[Write]] | None:
        """The next batch, already journalled: before the first byte is sent, the database knows of it."""
        with self._door, self._workspace.begin() as session:
            found = self._workspace.changes(self._last, self._cycle.ends.destination.batch_size)
            if not found:
                return None
            self._last = found[-1][0]
            batch = [write for _, write in found]
            self._cycle.lease.assert_held(session)
            now = self._cycle.clock.now()
            return journal.open_batch(session, self._cycle.run.id, self._cycle.document, batch, now=now), batch

    def _send(self, batch: Sequence[Write], results: list[WriteResult]) -> None:
        for result in self._cycle.ends.destination.write(batch):
            results.append(result)
            self._progress.advance(1)
            if self._stopping:
                return

    def _record(self, batch_id: int, results: Sequence[WriteResult]) -> None:
        """Results, ledger, counters and journal in one transaction, only while the lease is ours."""
        cycle, now = self._cycle, self._cycle.clock.now()
        done = [result for result in results if result.acknowledged]
        refused = [_rejection(result) for result in results if not result.acknowledged]
        with self._door:
            with self._workspace.begin() as session:
                cycle.lease.assert_held(session)
                ledger.acknowledge(session, self._book, done, cycle.run.id, now=now)
                outcomes.clear(session, cycle.document, [(r.write.item, r.write.key) for r in done])
                outcomes.record(session, cycle.document, refused, cycle.run.id, now=now)
                journal.close_batch(session, batch_id, now=now)
                runs.progress(session, cycle.run.id, Tally.total(cycle.tallies.values()), cycle.ends.calls(), now=now)
            self._count(results)

    def _count(self, results: Sequence[WriteResult]) -> None:
        for result in results:
            outcome = Outcome.UPDATED if result.acknowledged else Outcome.REJECTED
            self._cycle.tallies[result.write.item].add(outcome, result.reason)


def _rejection(result: WriteResult) -> Rejection:
    write = result.write
    assert result.reason is not None
    return Rejection(
        key=write.key, label=write.label, item=write.item, value=write.value, reason=result.reason, detail=result.detail
    )
