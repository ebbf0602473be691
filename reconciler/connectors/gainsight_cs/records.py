"""Writing records: `RecordDestination`. Few calls, and none that could do something twice.

`batches` divides a cycle's changed records into calls: it looks up keys and names in bulk and puts what is to be created and
what is to be updated into batches of their own, so that each batch is one call. `write` sends a batch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.connectors.base import Workload
from reconciler.connectors.gainsight_cs.api import MOST_RECORDS, WriteApi
from reconciler.connectors.gainsight_cs.people import ALONE, POLLS, PeopleSender
from reconciler.connectors.gainsight_cs.prepare import Preparer
from reconciler.connectors.gainsight_cs.ready import Health, Ready
from reconciler.connectors.gainsight_cs.resolve import CHUNK, Read, chunk_of, chunked, chunks
from reconciler.connectors.gainsight_cs.sending import Looking, ObjectSender, Rest
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.model.outcome import RecordResult, RecordWrite
from reconciler.model.run import Predicted


class RecordWriter:
    """Made anew for each run, because it remembers what it looked up. `write` is thread-safe."""

    batch_size = MOST_RECORDS

    def __init__(self, api: WriteApi, read: Read, target: RecordTarget, *, rest: Rest, concurrency: int) -> None:
        self.concurrency = concurrency
        self._target = target
        self._of_people = target.of_people
        self._preparer = Preparer(read, target)
        looking, health = Looking(read, target, rest), Health()
        self._sender: ObjectSender | PeopleSender = ObjectSender(api, target, looking, health)
        if target.of_people:
            self._sender = PeopleSender(api, target, looking, health, rest)
        self._preparing = threading.Lock()
        self._prepared: dict[tuple[str, ...], Ready | RecordResult] = {}

    def batches(self, writes: Iterable[RecordWrite], workload: Workload) -> Iterator[list[RecordWrite]]:
        """All of `writes`, in batches for `write` that take the fewest calls. Holds two windows of records at a time.

        Raises `errors.RemoteError` when keys or names cannot be read.
        """
        self._preparer.load_names(workload.names)
        self._preparer.remembers = workload.spelled_alike or not self._target.place.exact
        waiting: dict[str, list[RecordWrite]] = {}
        for window in chunked(writes, chunk_of(self._target.place)):
            for one in self._prepare(window):
                call = self._call_of(one)
                batch = waiting.setdefault(call, [])
                batch.append(one.write)
                if len(batch) == self.batch_size:
                    yield batch
                    waiting.pop(call)
        yield from waiting.values()

    def _prepare(self, window: Sequence[RecordWrite]) -> list[Ready | RecordResult]:
        with self._preparing:
            prepared = self._preparer.prepare(window) if window else []
        self._prepared.update((one.write.key, one) for one in prepared)
        return prepared

    def _call_of(self, one: Ready | RecordResult) -> str:
        """Records of one name can go in one call."""
        if isinstance(one, RecordResult):
            return "none"
        return "people" if self._of_people else "create" if one.gsid is None else "update"

    def write(self, batch: Sequence[RecordWrite]) -> Iterator[RecordResult]:
        """Send a batch of `batches` and yield one result for each record, not necessarily in order.

        Other records are looked up first. A record without a result was not acknowledged. Raises
        `errors.AuthenticationFailed`, `Interrupted`, `RemoteRefused` where no record could be written, and
        `RemoteUnavailable` when Gainsight CS has stopped answering.
        """
        self._prepare([write for write in batch if write.key not in self._prepared])
        prepared = [self._prepared.pop(write.key) for write in batch]
        yield from (one for one in prepared if isinstance(one, RecordResult))
        ready = [one for one in prepared if isinstance(one, Ready)]
        for call in chunked(ready, self.batch_size):
            yield from self._sender.send(call)


def predict_calls(target: RecordTarget, *, new: int, known: int, names: Mapping[str, int]) -> Predicted:
    """The calls of a cycle that goes well, to the call: `new` records to be created, `known` ones to be updated.

    `names` says how many different values name other records, for each of `target.looked_up`. What cannot be known beforehand
    is how often a background job is asked for.
    """
    changed = new + known
    if not changed:
        return Predicted(reads=0, writes=0, polls=0)
    reads = sum(chunks(names.get(name, 0), CHUNK) for name in target.looked_up)
    reads += chunks(changed, chunk_of(target.place))
    if not target.of_people:
        writes = chunks(new, MOST_RECORDS) + chunks(known, MOST_RECORDS)
        return Predicted(reads=reads, writes=writes, polls=0)
    jobs, rest = divmod(changed, MOST_RECORDS)
    alone = rest if rest <= ALONE else 0
    jobs += 0 if alone == rest else 1
    return Predicted(reads=reads, writes=jobs + alone, polls=jobs * POLLS)
