"""What the loop tells the world: log, metrics, web server and notifications, put together for a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.model.event import Emit, Event, EventName, Level, Transition

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.state.session import Session
    from reconciler.web.app import Health
    from reconciler.web.logs import Format
    from reconciler.web.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`emit` and `announce` are for the loop to call, `courier` sends what is in the outbox, once; `server` is to be started."""

    emit: Emit
    announce: Callable[[Session, Sequence[Transition], datetime], None]
    courier: Callable[[], int]
    server: Server | None


def watch(work: Workplace, health: Health, *, holder: str, form: Format | None, listen: str | None) -> Watch:
    """Before any connection is made, so that their calls are counted. `form` None: as fits standard output.

    `listen` None: no web server. Raises `errors.UsageError` for what is no address.
    """
    from reconciler.cli.progress import Told
    from reconciler.cli.redaction import KNOWN
    from reconciler.engine import announcing
    from reconciler.engine.observing import observe
    from reconciler.web.app import create
    from reconciler.web.logs import Log, default_form
    from reconciler.web.metrics import Metrics
    from reconciler.web.server import Server

    clock = work.clock
    log = Log(form=form or default_form(), clock=clock, mask=KNOWN)
    metrics = Metrics(lambda: observe(work.database, now=clock.now()), health.tick_age, clock=clock, holder=holder)
    work.metrics = metrics

    def emit(event: Event) -> None:
        metrics.emit(event)
        log.emit(event)

    work.waits = Told(clock, emit)

    def announce(session: Session, transitions: Sequence[Transition], now: datetime) -> None:
        work.announce(session, transitions, now)
        for transition in transitions:
            emit(_told(transition))

    def courier() -> int:
        return announcing.deliver(work.database, work.senders(), clock=clock, stop=work.stop, emit=emit)

    server = Server(listen, create(health, metrics, emit=emit)) if listen is not None else None
    return Watch(emit=emit, announce=announce, courier=courier, server=server)


def _told(transition: Transition) -> Event:
    fields = {"subject": transition.subject, "condition": transition.condition.value}
    if not transition.began:
        return Event(name=EventName.CONDITION_ENDED, fields=fields)
    why = {"reason": transition.reason, "hint": transition.hint}
    return Event(name=EventName.CONDITION_BEGAN, level=Level.WARNING, fields={**fields, **why})
