"""Sending changed records: a batch is a call or two, and what was said of a record holds for all of its changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reconciler import failpoints
from reconciler.engine.flows.records import Batch, RecordEnd, Records, Settled, rejections
from reconciler.engine.writer import Sending, Writer
from reconciler.failpoints import Step
from reconciler.model.outcome import Outcome, RecordChange, Rejection
from reconciler.state import journal, ledger
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

if TYPE_CHECKING:
    from reconciler.engine.cycle import Progress, _Cycle


class _Results(NamedTuple):
    """What came back of a batch, sorted: changes by what became of their records, and values that were refused."""

    done: Mapping[Outcome, Sequence[RecordChange]]
    refused: Sequence[Rejection]

    @property
    def changes(self) -> list[RecordChange]:
        return [change for changes in self.done.values() for change in changes]


class RecordsWriter(Writer[Settled]):
    """The destination is asked for the next batch outside of all transactions: that makes calls, and no transaction stays open
    while somebody far away thinks.

    While there are enough for every worker, a worker asks for the next one before it sends the one that it has. So here, too,
    one transaction records a batch and journals the next.
    """

    def __init__(
        self,
        cycle: _Cycle,
        workspace: Workspace,
        book: ledger.Ledger,
        progress: Progress,
        end: RecordEnd,
        items: Sequence[str],
    ) -> None:
        super().__init__(cycle, workspace, book, progress)
        self._end = end
        self._items = items

    def run(self) -> None:
        if self._cycle.changed:
            workload = self._end.workload(self._workspace)
            self._most = -(-workload.records // self._end.writer.batch_size)
            self._left = self._most
            self._records = Records(self._end, self._workspace, workload, self._door)
        super().run()

    def _workers(self, total: int) -> int:
        return min(self._end.writer.concurrency, self._most)

    def _first(self) -> Sending[Settled] | None:
        return self._turn(None, (), 0, None)

    def _deliver(self, batch: Sending[Settled]) -> Sending[Settled] | None:
        settled: list[Settled] = []
        try:
            following = self._next() if self._left > self._workers(self._cycle.changed) else None
            # Whoever sends looks before each call whether to stop. What has been answered is taken to the end, also when the
            # next call fails: then what came until there is in the list.
            settled.extend(batch.send())
        except Exception as trouble:
            self._trouble = self._trouble or trouble
            self._turn(batch.id, settled, batch.values, None)
            raise
        failpoints.reached(Step.BATCH_SENT)
        self._progress.advance(batch.values)
        return self._turn(batch.id, settled, batch.values, following)

    def _next(self) -> Batch | None:
        if self._stopping:
            return None
        self._left -= 1
        return self._records.next()

    def _turn(
        self, batch_id: int | None, settled: Sequence[Settled], sent: int, following: Batch | None
    ) -> Sending[Settled] | None:
        while True:
            id = self._commit(batch_id, settled, sent, following)
            if following is not None and id is not None:
                return Sending(id, _count_values(following.changes.values()), partial(self._records.send, following))
            following = self._next()
            if following is None:
                return None
            batch_id, settled, sent = None, (), 0

    def _commit(
        self, batch_id: int | None, settled: Sequence[Settled], sent: int, following: Batch | None
    ) -> int | None:
        """Record the results of one batch, and journal the one that follows, if there is something to send. Gives its id."""
        if batch_id is None and following is None:
            return None
        id, unsendable = None, 0
        with self._behind_the_door(sent):
            if self._stopping:
                following = None
            results = self._sorted(settled)
            if following is not None:
                unsendable = len(following.refused)
                results = results._replace(refused=[*results.refused, *following.refused])
            with self._workspace.begin() as session:
                self._cycle.lease.assert_held(session)
                self._record(session, results)
                if batch_id is not None:
                    self._close(session, batch_id)
                if following is not None and following.records:
                    id = self._journal(session, following)
            self._count(results)
        self._progress.advance(unsendable)
        if batch_id is not None:
            failpoints.reached(Step.BATCH_RECORDED)
        if id is not None:
            failpoints.reached(Step.BATCH_JOURNALLED)
        return id

    def _sorted(self, settled: Sequence[Settled]) -> _Results:
        done: defaultdict[Outcome, list[RecordChange]] = defaultdict(list)
        refused: list[Rejection] = []
        for one in settled:
            if one.result.outcome is not None:
                done[one.result.outcome].append(one.change)
            else:
                refused += rejections(one, self._items)
        return _Results(done, refused)

    def _record(self, session: Session, results: _Results) -> None:
        cycle, now = self._cycle, self._cycle.clock.now()
        changes = results.changes
        if changes:
            ledger.acknowledge_records(session, self._book, self._items, changes, cycle.run.id, now=now)
            self._clear(session, self._acknowledged(changes))
        self._refuse(session, results.refused)

    def _acknowledged(self, changes: Sequence[RecordChange]) -> Iterator[tuple[str, str]]:
        for change in changes:
            for item, value in zip(self._items, change.values, strict=True):
                if value is not None:
                    yield item, change.key

    def _journal(self, session: Session, batch: Batch) -> int:
        cycle, changes = self._cycle, list(batch.changes.values())
        return journal.open_records(session, cycle.run.id, cycle.document, self._items, changes, now=cycle.clock.now())

    def _count(self, results: _Results) -> None:
        for outcome, changes in results.done.items():
            columns = zip(*(change.values for change in changes), strict=True)
            for item, column in zip(self._items, columns, strict=True):
                self._cycle.tallies[item].add(outcome, None, len(column) - column.count(None))
        self._count_refused(results.refused)


def _count_values(changes: Iterable[RecordChange]) -> int:
    return sum(len(change.values) - change.values.count(None) for change in changes)
