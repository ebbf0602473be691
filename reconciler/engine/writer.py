"""Sending the changed values of a cycle: journalled batches, several workers, one transaction for each batch's results."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reconciler import errors, failpoints
from reconciler.connectors.base import Destination
from reconciler.engine.flows.records import Batch, RecordEnd, Records
from reconciler.failpoints import Step
from reconciler.model.outcome import Outcome, Rejection, Write, WriteResult
from reconciler.model.run import Tally
from reconciler.state import journal, ledger, outcomes, runs
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

if TYPE_CHECKING:
    from reconciler.engine.cycle import Part, Progress, _Cycle


class _Batch(NamedTuple):
    """A journalled batch: its id, its writes, and how they are sent: results come as they are known, of a record together."""

    id: int
    writes: Sequence[Write]
    send: Callable[[], Iterator[Sequence[WriteResult]]]


class Writer:
    """The write phase of one cycle.

    Each worker sends a batch, and in one transaction records what came back and journals its next one. All of them share
    the cycle's one database connection, one at a time: transactions are short, calls are long.
    """

    def __init__(
        self, cycle: _Cycle, part: Part, workspace: Workspace, book: ledger.Ledger, progress: Progress
    ) -> None:
        self._cycle = cycle
        self._part = part
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
        self._progress.phase("writing", total)
        workers = self._workers(total)
        with ThreadPoolExecutor(workers, thread_name_prefix="writer") as pool:
            for _ in range(workers):
                pool.submit(self._work)
        if self._trouble is not None:
            raise self._trouble
        self._cycle.lease.refuse_lost()
        if self._cycle.stop.is_set():
            raise errors.Interrupted("interrupted; everything that was acknowledged is recorded")

    @property
    def _destination(self) -> Destination:
        destination = self._part.destination
        assert destination is not None and not isinstance(destination, RecordEnd)
        return destination

    def _workers(self, total: int) -> int:
        return min(self._destination.concurrency, -(-total // self._destination.batch_size))

    def _work(self) -> None:
        try:
            batch = self._turn(None, (), 0)
            while batch is not None:
                batch = self._deliver(batch)
        except Exception as trouble:  # noqa: BLE001 - the boundary around a batch: the other workers must stop, then it is raised
            self._trouble = self._trouble or trouble

    def _deliver(self, batch: _Batch) -> _Batch | None:
        """Send one batch, record what came back, also when sending broke off, and give the next one."""
        results: list[WriteResult] = []
        try:
            following = self._look_ahead()
            self._send(batch, results)
        except Exception as trouble:
            self._trouble = self._trouble or trouble
            self._turn(batch.id, results, self._perhaps_sent(batch, results))
            raise
        failpoints.reached(Step.BATCH_SENT)
        return self._turn(batch.id, results, len(results), following)

    def _look_ahead(self) -> Batch | None:
        """The batch that follows the one that is about to be sent, where it is made of records."""
        return None

    def _perhaps_sent(self, batch: _Batch, results: Sequence[WriteResult]) -> int:
        """The value under way when sending broke off may have arrived, too."""
        return min(len(results) + 1, len(batch.writes))

    @property
    def _stopping(self) -> bool:
        return self._trouble is not None or self._cycle.stop.is_set() or not self._cycle.lease.sure

    def _send(self, batch: _Batch, results: list[WriteResult]) -> None:
        for found in batch.send():
            results += found
            self._progress.advance(len(found))
            if self._stopping:
                return

    def _turn(
        self, batch_id: int | None, results: Sequence[WriteResult], sent: int, following: Batch | None = None
    ) -> _Batch | None:
        """Record the results of one batch and journal the next, in one transaction, only while the lease is ours.

        Before the first byte of a batch is sent, the database knows of it.
        """
        with self._behind_the_door(sent):
            with self._workspace.begin() as session:
                self._cycle.lease.assert_held(session)
                if batch_id is not None:
                    self._record(session, results)
                    self._close(session, batch_id)
                found = () if self._stopping else self._workspace.changes(self._last, self._destination.batch_size)
                writes = [write for _, write in found]
                id = self._journal(session, writes) if writes else None
            self._count(results)
            self._last = found[-1][0] if found else self._last
        if batch_id is not None:
            failpoints.reached(Step.BATCH_RECORDED)
        if id is None:
            return None
        failpoints.reached(Step.BATCH_JOURNALLED)
        return _Batch(id, writes, lambda: ([result] for result in self._destination.write(writes)))

    @contextmanager
    def _behind_the_door(self, sent: int = 0) -> Iterator[None]:
        """One at a time. `sent` values are in doubt when their results cannot be recorded."""
        with self._door:
            try:
                yield
            except Exception as trouble:
                # Noted before the next worker has its turn, which may fail because of this.
                self._trouble = self._trouble or trouble
                self._cycle.unrecorded += sent
                raise

    def _record(self, session: Session, results: Sequence[WriteResult]) -> None:
        cycle, now = self._cycle, self._cycle.clock.now()
        done = [result for result in results if result.reason is None]
        refused = [_rejection(result) for result in results if result.reason is not None]
        ledger.acknowledge(session, self._book, done, cycle.run.id, now=now)
        if done:
            outcomes.clear(session, cycle.document, ((r.write.item, r.write.key) for r in done))
        outcomes.record(session, cycle.document, refused, cycle.run.id, now=now)

    def _close(self, session: Session, batch_id: int) -> None:
        cycle, now = self._cycle, self._cycle.clock.now()
        journal.close_batch(session, batch_id, now=now)
        runs.progress(session, cycle.run.id, Tally.total(cycle.tallies.values()), cycle.ends.calls(), now=now)

    def _journal(self, session: Session, writes: Sequence[Write]) -> int:
        now = self._cycle.clock.now()
        return journal.open_batch(session, self._cycle.run.id, self._cycle.document, writes, now=now)

    def _count(self, results: Sequence[WriteResult]) -> None:
        found = Counter((result.write.item, result.outcome, result.reason) for result in results)
        for (item, outcome, reason), count in found.items():
            self._cycle.tallies[item].add(outcome if reason is None else Outcome.REJECTED, reason, count)


class RecordsWriter(Writer):
    """The same for a destination of whole records, which is asked for the next batch outside of all transactions: that makes
    calls, and no transaction stays open while somebody far away thinks.

    While there are enough for every worker, a worker asks for the next one before it sends the one that it has. So here, too,
    one transaction records a batch and journals the next.
    """

    def __init__(
        self, cycle: _Cycle, part: Part, workspace: Workspace, book: ledger.Ledger, progress: Progress, end: RecordEnd
    ) -> None:
        super().__init__(cycle, part, workspace, book, progress)
        self._end = end

    def run(self) -> None:
        if self._cycle.changed:
            workload = self._end.workload(self._workspace)
            self._most = -(-workload.records // self._end.writer.batch_size)
            self._left = self._most
            self._records = Records(self._end, self._workspace, workload, self._door)
        super().run()

    def _workers(self, total: int) -> int:
        return min(self._end.writer.concurrency, self._most)

    def _perhaps_sent(self, batch: _Batch, results: Sequence[WriteResult]) -> int:
        return len(batch.writes)

    def _look_ahead(self) -> Batch | None:
        return self._next() if self._left > self._workers(self._cycle.changed) else None

    def _next(self) -> Batch | None:
        if self._stopping:
            return None
        self._left -= 1
        return self._records.next()

    def _turn(
        self, batch_id: int | None, results: Sequence[WriteResult], sent: int, following: Batch | None = None
    ) -> _Batch | None:
        while True:
            id = self._commit(batch_id, results, sent, following)
            if following is not None and id is not None:
                return _Batch(id, _writes(following), partial(self._records.send, following))
            following = self._next()
            if following is None:
                return None
            batch_id, results, sent = None, (), 0

    def _commit(
        self, batch_id: int | None, results: Sequence[WriteResult], sent: int, following: Batch | None
    ) -> int | None:
        """Record the results of one batch, and journal the one that follows, if there is something to send. Gives its id."""
        if batch_id is None and following is None:
            return None
        id = None
        with self._behind_the_door(sent):
            if self._stopping:
                following = None
            refused = following.refused if following is not None else ()
            with self._workspace.begin() as session:
                self._cycle.lease.assert_held(session)
                self._record(session, [*results, *refused])
                if batch_id is not None:
                    self._close(session, batch_id)
                if following is not None and following.records:
                    id = self._journal(session, _writes(following))
            self._count([*results, *refused])
        self._progress.advance(len(refused))
        if batch_id is not None:
            failpoints.reached(Step.BATCH_RECORDED)
        if id is not None:
            failpoints.reached(Step.BATCH_JOURNALLED)
        return id


def _writes(batch: Batch) -> list[Write]:
    return [write for record in batch.records for write in batch.writes[record.key]]


def _rejection(result: WriteResult) -> Rejection:
    write = result.write
    assert result.reason is not None
    return Rejection(
        key=write.key, label=write.label, item=write.item, value=write.value, reason=result.reason, detail=result.detail
    )


def writer(cycle: _Cycle, part: Part, workspace: Workspace, book: ledger.Ledger, progress: Progress) -> Writer:
    """The writer that fits the destination of a part."""
    end = part.destination
    if isinstance(end, RecordEnd):
        return RecordsWriter(cycle, part, workspace, book, progress, end)
    return Writer(cycle, part, workspace, book, progress)
