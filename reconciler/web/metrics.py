"""Metrics for Prometheus: what happens in this process comes from events, what is recorded is read at each scrape.

Labels are names of documents and connections, and words of ours; never anything of a row. `METRICS` is the list of all of
them, from which the page in the documentation is made, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reconciler import __version__, errors
from reconciler.clock import Clock
from reconciler.model.event import Event, EventName, Scalar
from reconciler.model.outcome import Outcome
from reconciler.model.run import RunResult

if TYPE_CHECKING:
    from reconciler.connectors.http import Call
    from reconciler.engine.observing import Observed

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

FRESH = 1.0
"""Seconds for which a read of the database is good enough: several scrapers cost no more than one."""

PATIENCE = 4.0
"""Seconds that a scrape waits for the database. Prometheus gives it ten."""

CYCLE_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200)
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metric(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


METRICS = (
    Metric("reconciler_build_info", "gauge", ("version",), "1, with the version of this program."),
    Metric("reconciler_tick_age_seconds", "gauge", (), "Seconds since the loop went round last."),
    Metric("reconciler_database_up", "gauge", (), "1 when the database could be read for this scrape, else 0."),
    Metric(
        "reconciler_config_valid",
        "gauge",
        (),
        "1 while the newest configuration can be applied, 0 while it has errors.",
    ),
    Metric("reconciler_config_commit_info", "gauge", ("commit",), "1, with the commit that was applied last."),
    Metric("reconciler_state_serial", "gauge", (), "Serial of the recorded state; it grows with every apply."),
    Metric("reconciler_condition", "gauge", ("subject", "condition"), "1 for each condition that holds."),
    Metric("reconciler_sync_runs_total", "counter", ("sync", "status"), "Cycles that this process ended, by result."),
    Metric(
        "reconciler_sync_rows_total", "counter", ("sync", "outcome"), "Values in cycles of this process, by outcome."
    ),
    Metric("reconciler_sync_duration_seconds", "histogram", ("sync",), "How long cycles of this process took."),
    Metric("reconciler_sync_running", "gauge", ("sync",), "1 while a cycle is under way in any process."),
    Metric(
        "reconciler_leader",
        "gauge",
        ("sync",),
        "1 while this process has the lease of the document and runs its cycle.",
    ),
    Metric("reconciler_fence_lost_total", "counter", (), "Cycles that this process lost to another one."),
    Metric(
        "reconciler_sync_last_success_timestamp_seconds",
        "gauge",
        ("sync",),
        "When a cycle went through last, also one with rejected values; absent until then.",
    ),
    Metric(
        "reconciler_sync_next_due_timestamp_seconds",
        "gauge",
        ("sync",),
        "When the next cycle is due; absent while the document is suspended.",
    ),
    Metric("reconciler_rejected_rows", "gauge", ("sync", "reason"), "Values that the last cycle rejected, by reason."),
    Metric(
        "reconciler_http_requests_total", "counter", ("connection", "code"), "Calls, by HTTP status; none: no answer."
    ),
    Metric("reconciler_http_request_duration_seconds", "histogram", ("connection",), "How long calls took."),
    Metric(
        "reconciler_throttled_seconds_total", "counter", ("connection",), "Time that calls waited for the API budget."
    ),
    Metric("reconciler_budget_used_calls", "gauge", ("connection", "window"), "Calls of all processes in this window."),
    Metric("reconciler_budget_limit_calls", "gauge", ("connection", "window"), "Calls that the window allows."),
    Metric("reconciler_notices_total", "counter", ("channel", "result"), "Notifications: sent, failed or given_up."),
    Metric("reconciler_notices_waiting", "gauge", (), "Notifications that wait to be sent."),
)
"""Every metric there is; the names are part of the interface."""

_BY_NAME = {metric.name: metric for metric in METRICS}


class Metrics:
    """All metrics of one process. Thread-safe."""

    def __init__(
        self, observe: Callable[[], Observed], tick_age: Callable[[], float], *, clock: Clock, holder: str
    ) -> None:
        """`observe` reads what is recorded and raises `errors.StateProblem`; `holder` is our name on leases."""
        self._holder = holder
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._reading: Future[Observed] | None = None
        self._read_at: float | None = None
        self._observed: Observed | None = None
        self._up = False
        # What it says of when a series was made would be another series for each of them.
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = prometheus.CollectorRegistry(auto_describe=False)
        self._gauge("reconciler_build_info").labels(__version__).set(1)
        self._gauge("reconciler_tick_age_seconds").set_function(tick_age)
        self._runs = self._counter("reconciler_sync_runs_total")
        self._rows = self._counter("reconciler_sync_rows_total")
        self._durations = self._histogram("reconciler_sync_duration_seconds", CYCLE_BUCKETS)
        self._fences = self._counter("reconciler_fence_lost_total")
        self._calls = self._counter("reconciler_http_requests_total")
        self._call_durations = self._histogram("reconciler_http_request_duration_seconds", CALL_BUCKETS)
        self._throttled = self._counter("reconciler_throttled_seconds_total")
        self._notices = self._counter("reconciler_notices_total")
        self._registry.register(_Recorded(self))

    # -- from events and observers

    def emit(self, event: Event) -> None:
        """Count what an event tells."""
        fields = event.fields
        match event.name:
            case EventName.CYCLE_FINISHED:
                self._cycle_finished(_text(fields, "sync"), fields)
            case EventName.FENCE_LOST:
                self._fences.inc()
            case EventName.NOTICE_SENT:
                self._notices.labels(_text(fields, "channel"), "sent").inc()
            case EventName.NOTICE_FAILED:
                result = "given_up" if fields.get("given_up") else "failed"
                self._notices.labels(_text(fields, "channel"), result).inc()

    def http_observer(self, connection: str) -> Callable[[Call], None]:
        """What an `HttpClient` of a connection tells its attempts to."""
        durations = self._call_durations.labels(connection)

        def observe(call: Call) -> None:
            self._calls.labels(connection, _code(call.status)).inc()
            durations.observe(call.seconds)

        return observe

    def throttle_observer(self, connection: str) -> Callable[[float], None]:
        """What a `MeasuredBudget` of a connection tells its waits to."""
        return self._throttled.labels(connection).inc

    def _cycle_finished(self, sync: str, fields: Mapping[str, Scalar]) -> None:
        self._runs.labels(sync, _word(_text(fields, "result"))).inc()
        self._durations.labels(sync).observe(_number(fields, "seconds"))
        for outcome in Outcome:
            self._rows.labels(sync, outcome.value).inc(_number(fields, outcome.value))

    # -- answering

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format. While the database is away, what was read of it last."""
        self._refresh()
        return prometheus.generate_latest(self._registry)

    def _refresh(self) -> None:
        """Read the database, unless that was just done, and wait for it only so long: a scrape has little time."""
        with self._lock:
            fresh = self._read_at is not None and self._clock.monotonic() - self._read_at < FRESH
            if self._up and fresh:
                return
            if self._reading is None or self._reading.done():
                self._reading = self._start_reading()
            reading = self._reading
        try:
            self._observed = reading.result(timeout=PATIENCE)
        except (TimeoutError, errors.StateProblem):
            self._up = False
        else:
            self._up, self._read_at = True, self._clock.monotonic()

    def _start_reading(self) -> Future[Observed]:
        reading: Future[Observed] = Future()

        def read() -> None:
            try:
                reading.set_result(self._observe())
            except Exception as error:  # noqa: BLE001 - it is raised again by whoever waits for the result
                reading.set_exception(error)

        threading.Thread(target=read, name="scrape", daemon=True).start()
        return reading

    def recorded(self) -> Iterator[GaugeMetricFamily]:
        """The metrics of what is recorded, as it was read last."""
        yield _family("reconciler_database_up", {(): float(self._up)})
        seen = self._observed
        if seen is None:
            return
        for vitals in seen.documents:
            self._prepare(str(vitals.document))
        yield _family("reconciler_config_valid", {(): float(seen.config_valid)})
        yield _family("reconciler_config_commit_info", {(seen.commit,): 1.0} if seen.commit else {})
        yield _family("reconciler_state_serial", {(): float(seen.serial)} if seen.serial is not None else {})
        held = {(subject, condition.value): 1.0 for subject, condition in seen.conditions}
        yield _family("reconciler_condition", held)
        yield from _of_documents(seen)
        mine = {(str(v.document),): float(v.holder == self._holder) for v in seen.documents}
        yield _family("reconciler_leader", mine)
        used = {(use.connection, use.window): float(use.used) for use in seen.budgets}
        limits = {(use.connection, use.window): float(use.limit) for use in seen.budgets if use.limit is not None}
        yield _family("reconciler_budget_used_calls", used)
        yield _family("reconciler_budget_limit_calls", limits)
        yield _family("reconciler_notices_waiting", {(): float(seen.notices_waiting)})

    def _prepare(self, sync: str) -> None:
        """A counter that is there from the start, at 0: the first increase of one that is not would be lost to `increase`."""
        for result in RunResult:
            if result is not RunResult.RUNNING:
                self._runs.labels(sync, _word(result.value))
        for outcome in Outcome:
            self._rows.labels(sync, outcome.value)

    # -- making

    def _gauge(self, name: str) -> prometheus.Gauge:
        return prometheus.Gauge(name, _BY_NAME[name].help, _BY_NAME[name].labels, registry=self._registry)

    def _counter(self, name: str) -> prometheus.Counter:
        return prometheus.Counter(name, _BY_NAME[name].help, _BY_NAME[name].labels, registry=self._registry)

    def _histogram(self, name: str, buckets: tuple[float, ...]) -> prometheus.Histogram:
        metric = _BY_NAME[name]
        return prometheus.Histogram(name, metric.help, metric.labels, registry=self._registry, buckets=buckets)


class _Recorded(Collector):
    """The recorded metrics, in the form in which the library asks for them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._metrics.recorded()


def _of_documents(seen: Observed) -> Iterator[GaugeMetricFamily]:
    documents = {str(vitals.document): vitals for vitals in seen.documents}
    yield _family("reconciler_sync_running", {(name,): float(v.running) for name, v in documents.items()})
    yield _family(
        "reconciler_sync_last_success_timestamp_seconds",
        {(name,): v.last_success.timestamp() for name, v in documents.items() if v.last_success is not None},
    )
    yield _family(
        "reconciler_sync_next_due_timestamp_seconds",
        {(name,): v.next_due.timestamp() for name, v in documents.items() if v.next_due is not None},
    )
    yield _family(
        "reconciler_rejected_rows",
        {(name, reason.value): float(n) for name, v in documents.items() for reason, n in v.rejected.items()},
    )


def _family(name: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    """Values by their labels, each a tuple of texts."""
    metric = _BY_NAME[name]
    family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _text(fields: Mapping[str, Scalar], name: str) -> str:
    return str(fields.get(name, ""))


def _number(fields: Mapping[str, Scalar], name: str) -> float:
    """A count or a time that is never negative: counters cannot go back, and `emit` must not raise."""
    value = fields.get(name)
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _word(result: str) -> str:
    """`Partial Success` → `partial_success`"""
    return result.lower().replace(" ", "_")


def _code(status: int) -> str:
    if status == 0:
        return "none"
    return str(status) if 100 <= status <= 599 else "other"
