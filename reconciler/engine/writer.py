"""Sending the changes of a cycle: journalled batches, several workers, one transaction for each batch's results."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from reconciler import errors, failpoints
from reconciler.connectors.base import Destination
from reconciler.failpoints import Step
from reconciler.model.outcome import Outcome, Rejection, WriteResult
from reconciler.model.run import Tally
from reconciler.state import journal, ledger, outcomes, runs
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

if TYPE_CHECKING:
    from reconciler.engine.cycle import Progress, _Cycle

R = TypeVar("R")
"""What a destination says to the smallest thing that is sent."""


SHOW_EVERY = 0.2
"""Seconds after which it is recorded again how far a run is. Within the limits of an API that is after each call."""


class Sending(NamedTuple, Generic[R]):
    """A journalled batch: its id, how many values it has, and how it is sent: results come as they are known."""

    id: int
    values: int
    send: Callable[[], Iterator[R]]


class Writer(ABC, Generic[R]):
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
        self._trouble: Exception | None = None
        self._shown = float("-inf")
        self._some_refused: bool | None = None

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

    # ---- what a destination is

    @abstractmethod
    def _workers(self, total: int) -> int:
        """How many send `total` values."""

    @abstractmethod
    def _first(self) -> Sending[R] | None:
        """Journal a worker's first batch."""

    @abstractmethod
    def _deliver(self, batch: Sending[R]) -> Sending[R] | None:
        """Send one batch, record what came back, also when sending broke off, and give the next one."""

    # ---- what all do

    def _work(self) -> None:
        try:
            batch = self._first()
            while batch is not None:
                batch = self._deliver(batch)
        except Exception as trouble:  # noqa: BLE001 - the boundary around a batch: the other workers must stop, then it is raised
            self._trouble = self._trouble or trouble

    @property
    def _stopping(self) -> bool:
        return self._trouble is not None or self._cycle.stop.is_set() or not self._cycle.lease.sure

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

    def _close(self, session: Session, batch_id: int) -> None:
        cycle, now = self._cycle, self._cycle.clock.now()
        journal.close_batch(session, batch_id, now=now)
        moment = cycle.clock.monotonic()
        if moment - self._shown >= SHOW_EVERY:
            self._shown = moment
            runs.progress(session, cycle.run.id, Tally.total(cycle.tallies.values()), cycle.ends.calls(), now=now)

    def _refuse(self, session: Session, rejections: Sequence[Rejection]) -> None:
        cycle = self._cycle
        self._some_refused = self._some_refused or bool(rejections)
        outcomes.record(session, cycle.document, rejections, cycle.run.id, now=cycle.clock.now())

    def _clear(self, session: Session, acknowledged: Iterable[tuple[str, str]]) -> None:
        """What is acknowledged, as pairs of item and key, is no longer rejected. Usually nothing was, which is asked once: nobody
        else notes anything of the document meanwhile."""
        if self._some_refused is None:
            self._some_refused = outcomes.some(session, self._cycle.document)
        if self._some_refused:
            outcomes.clear(session, self._cycle.document, acknowledged)

    def _count_refused(self, rejections: Sequence[Rejection]) -> None:
        for (item, reason), count in Counter((one.item, one.reason) for one in rejections).items():
            self._cycle.tallies[item].add(Outcome.REJECTED, reason, count)


class ValuesWriter(Writer[WriteResult]):
    """For a destination that takes one value in a call."""

    def __init__(
        self,
        cycle: _Cycle,
        workspace: Workspace,
        book: ledger.Ledger,
        progress: Progress,
        destination: Destination | None,
    ) -> None:
        """`destination` is None only where nothing was read."""
        super().__init__(cycle, workspace, book, progress)
        self._of = destination
        self._last = 0

    @property
    def _destination(self) -> Destination:
        assert self._of is not None
        return self._of

    def _workers(self, total: int) -> int:
        return min(self._destination.concurrency, -(-total // self._destination.batch_size))

    def _first(self) -> Sending[WriteResult] | None:
        return self._turn(None, (), 0)

    def _deliver(self, batch: Sending[WriteResult]) -> Sending[WriteResult] | None:
        results: list[WriteResult] = []
        try:
            for result in batch.send():
                results.append(result)
                self._progress.advance(1)
                if self._stopping:
                    break
        except Exception as trouble:
            self._trouble = self._trouble or trouble
            # The value under way when sending broke off may have arrived, too.
            self._turn(batch.id, results, min(len(results) + 1, batch.values))
            raise
        failpoints.reached(Step.BATCH_SENT)
        return self._turn(batch.id, results, len(results))

    def _turn(self, batch_id: int | None, results: Sequence[WriteResult], sent: int) -> Sending[WriteResult] | None:
        """Record the results of one batch and journal the next, in one transaction, only while the lease is ours.

        Before the first byte of a batch is sent, the database knows of it.
        """
        cycle = self._cycle
        refused = [_rejection(result) for result in results if result.reason is not None]
        with self._behind_the_door(sent):
            with self._workspace.begin() as session:
                cycle.lease.assert_held(session)
                if batch_id is not None:
                    self._record(session, [result for result in results if result.reason is None])
                    self._refuse(session, refused)
                    self._close(session, batch_id)
                found = () if self._stopping else self._workspace.changes(self._last, self._destination.batch_size)
                writes = [write for _, write in found]
                now = cycle.clock.now()
                id = journal.open_batch(session, cycle.run.id, cycle.document, writes, now=now) if writes else None
            self._count(results)
            self._count_refused(refused)
            self._last = found[-1][0] if found else self._last
        if batch_id is not None:
            failpoints.reached(Step.BATCH_RECORDED)
        if id is None:
            return None
        failpoints.reached(Step.BATCH_JOURNALLED)
        return Sending(id, len(writes), lambda: self._destination.write(writes))

    def _record(self, session: Session, done: Sequence[WriteResult]) -> None:
        cycle = self._cycle
        ledger.acknowledge(session, self._book, done, cycle.run.id, now=cycle.clock.now())
        self._clear(session, ((r.write.item, r.write.key) for r in done))

    def _count(self, results: Sequence[WriteResult]) -> None:
        done = Counter((result.write.item, result.outcome) for result in results if result.reason is None)
        for (item, outcome), count in done.items():
            self._cycle.tallies[item].add(outcome, None, count)


def _rejection(result: WriteResult) -> Rejection:
    write = result.write
    assert result.reason is not None
    return Rejection(
        key=write.key, label=write.label, item=write.item, value=write.value, reason=result.reason, detail=result.detail
    )
