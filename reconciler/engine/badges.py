"""What stands beside the status of a document: what keeps its next cycle from being what everybody expects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler import schedule
from reconciler.engine.occasion import Timing
from reconciler.model.run import Run
from reconciler.model.status import Badge, BadgeName
from reconciler.state.schedules import Entry

OVERDUE_AFTER = timedelta(minutes=5)
"""What is due waits for a worker at times; after this somebody should look."""

STALLED_AFTER = timedelta(minutes=10)
"""A cycle makes a call or records a batch every few seconds; waits for the window of an API are up to a minute."""


def badges(entry: Entry | None, timing: Timing, running: Run | None, now: datetime) -> tuple[Badge, ...]:
    """In the order of their weight. `entry` is None where no loop has seen the document yet."""
    return tuple(_badges(entry, timing, running, now))


def _badges(entry: Entry | None, timing: Timing, running: Run | None, now: datetime) -> Iterator[Badge]:
    if timing.deactivated:
        yield Badge(name=BadgeName.DEACTIVATED, text="a connection of it is deactivated; everything is kept")
    if timing.suspended:
        yield Badge(name=BadgeName.SUSPENDED, text="by its document")
    elif entry is not None and entry.suspended_at is not None:
        yield Badge(name=BadgeName.SUSPENDED, text=f"by {entry.suspended_by}, since {_moment(entry.suspended_at)}")
    if running is not None:
        yield from _of_a_run(running, now)
    elif entry is not None and entry.due_at is not None:
        if schedule.is_overdue(entry.due_at, now, OVERDUE_AFTER):
            yield Badge(name=BadgeName.OVERDUE, text=f"since {_moment(entry.due_at)}: is `reconcile run` at work?")
        elif entry.retry_at is not None:
            times = f"{entry.failures} failure{'s' if entry.failures > 1 else ''}"
            yield Badge(name=BadgeName.RETRYING, text=f"after {times}, at {_moment(entry.due_at)}")


def _of_a_run(run: Run, now: datetime) -> Iterator[Badge]:
    if run.cut_off:
        yield Badge(name=BadgeName.CUT_OFF, text=f"run {run.id} ended without closing; the next cycle resumes it")
        return
    last = run.progress_at or run.started_at
    if schedule.is_overdue(last, now, STALLED_AFTER):
        yield Badge(name=BadgeName.STALLED, text=f"run {run.id} shows no progress since {_moment(last)}")


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%SZ")
