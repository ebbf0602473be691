"""Doing the same for many things in several threads, where each gives several results, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from queue import Empty, Full, Queue
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE = 0.1
"""Seconds after which a thread looks whether anybody still wants what it has."""


class Given(NamedTuple, Generic[Item, Result]):
    """A result for an item, or that it has no more of them (`result` is None), or what went wrong."""

    item: Item
    result: Result | None
    error: Exception | None = None


def crowd(
    work: Callable[[Item], Iterator[Result]], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result | None]]:
    """Results of `work` with their item as they come, and for each item at its end None.

    `items` is read by the thread that asks for results, a few items ahead. Raises what `work` raised first; then, and when
    nobody asks any more, what is under way is left to end by itself and its results are dropped.
    """
    results: Queue[Given[Item, Result]] = Queue(2 * workers)
    abandoned = threading.Event()

    def give(given: Given[Item, Result]) -> bool:
        while not abandoned.is_set():
            try:
                results.put(given, timeout=_PATIENCE)
                return True
            except Full:
                continue
        return False

    def one(item: Item) -> None:
        try:
            for result in work(item):
                if not give(Given(item, result)):
                    return
        except Exception as error:  # noqa: BLE001 - carried over to the thread that asks, which raises it
            give(Given(item, None, error))
            return
        give(Given(item, None))

    pool = ThreadPoolExecutor(workers, thread_name_prefix="reader")
    try:
        yield from _gather(pool, one, iter(items), results, 2 * workers)
    finally:
        abandoned.set()
        pool.shutdown(cancel_futures=True)


def _gather(
    pool: ThreadPoolExecutor,
    one: Callable[[Item], None],
    items: Iterator[Item],
    results: Queue[Given[Item, Result]],
    ahead: int,
) -> Iterator[tuple[Item, Result | None]]:
    open_items = 0
    while True:
        for item in islice(items, ahead - open_items):
            pool.submit(one, item)
            open_items += 1
        if not open_items:
            return
        try:
            given = results.get(timeout=_PATIENCE)
        except Empty:
            continue
        if given.error is not None:
            raise given.error
        open_items -= given.result is None
        yield given.item, given.result
