"""Metrics: what events and observers count, what is read of the database, and a text that Prometheus understands."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler import __version__, errors
from reconciler.connectors.base import Unlimited
from reconciler.connectors.throttle import MeasuredBudget
from reconciler.engine.observing import Observed, Use
from reconciler.model.document import DocumentId
from reconciler.model.event import Condition, Event, EventName
from reconciler.model.outcome import Outcome, Reason
from reconciler.state.vitals import Vitals
from reconciler.web.metrics import METRICS, Metrics
from tests.connectors.servers import NOON, FakeClock, client, in_turn, reply, serving
from tests.web.helpers import NOTHING, metrics

SYNC = "ProfileFieldMapping/acme-profile"

SEEN = Observed(
    serial=7,
    commit="0a1b2c3d+changes",
    config_valid=False,
    documents=(
        Vitals(
            document=DocumentId("ProfileFieldMapping", "acme-profile"),
            last_success=NOON,
            running=True,
            holder="me",
            next_due=NOON + timedelta(hours=4),
            rejected={Reason.FIELD_MISSING: 12},
        ),
        Vitals(
            document=DocumentId("ProfileFieldMapping", "new"),
            last_success=None,
            running=True,
            holder="another",
            next_due=None,
            rejected={},
        ),
    ),
    conditions=((SYNC, Condition.FAILING), ("config", Condition.CONFIG_INVALID)),
    budgets=(
        Use(connection="acme-cs", window="minute", used=60, limit=100),
        Use(connection="acme-cs", window="day", used=600, limit=None),
    ),
    notices_waiting=2,
)


def samples(made: Metrics) -> dict[str, float]:
    """Every sample by its name with labels, as it is written: `name{a="b"}`."""
    found = {}
    for family in text_string_to_metric_families(made.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def finished(sync: str = SYNC, result: str = "Partial Success", **counts: int) -> Event:
    fields = {"sync": sync, "result": result, "seconds": 12.5, **{outcome.value: 0 for outcome in Outcome}, **counts}
    return Event(name=EventName.CYCLE_FINISHED, fields=fields)


# ---- what happens


def test_cycles() -> None:
    made = metrics()
    made.emit(finished(updated=5, rejected=2))
    made.emit(finished(updated=1))
    made.emit(finished(result="Failed"))
    made.emit(Event(name=EventName.FENCE_LOST, fields={"sync": SYNC}))
    found = samples(made)
    assert found[f'reconciler_sync_runs_total{{status="partial_success",sync="{SYNC}"}}'] == 2
    assert found[f'reconciler_sync_runs_total{{status="failed",sync="{SYNC}"}}'] == 1
    assert found[f'reconciler_sync_rows_total{{outcome="updated",sync="{SYNC}"}}'] == 6
    assert found[f'reconciler_sync_rows_total{{outcome="rejected",sync="{SYNC}"}}'] == 2
    assert found[f'reconciler_sync_duration_seconds_sum{{sync="{SYNC}"}}'] == 37.5
    assert found[f'reconciler_sync_duration_seconds_bucket{{le="15.0",sync="{SYNC}"}}'] == 3
    assert found["reconciler_fence_lost_total"] == 1


@pytest.mark.parametrize("fields", [{}, {"seconds": "x", "updated": None}, {"seconds": -1, "updated": -5}])
def test_an_event_of_any_form_is_no_trouble(fields: dict[str, str | int | None]) -> None:
    made = metrics()
    for name in EventName:
        made.emit(Event(name=name, fields=fields))
    assert samples(made)['reconciler_sync_rows_total{outcome="updated",sync=""}'] == 0


def test_notifications() -> None:
    made = metrics()
    made.emit(Event(name=EventName.NOTICE_SENT, fields={"channel": "ops"}))
    made.emit(Event(name=EventName.NOTICE_FAILED, fields={"channel": "ops", "given_up": False}))
    made.emit(Event(name=EventName.NOTICE_FAILED, fields={"channel": "ops", "given_up": True}))
    found = samples(made)
    assert [found[f'reconciler_notices_total{{channel="ops",result="{r}"}}'] for r in ("sent", "failed", "given_up")] == [
        1, 1, 1,
    ]  # fmt: skip


def test_calls_of_a_real_client() -> None:
    made = metrics()
    answers = [reply(503), reply(200, {}), reply(404), None]
    with serving(in_turn(answers)) as server:
        http = client(server.url, observer=made.http_observer("acme-cs"))
        assert http.request("GET", "a", idempotent=True).status == 200
        assert http.request("GET", "a", idempotent=True).status == 404
        with pytest.raises(errors.RemoteUnavailable):
            http.request("GET", "a", idempotent=False)
        http.close()
    found = samples(made)
    counts = {code: found[f'reconciler_http_requests_total{{code="{code}",connection="acme-cs"}}'] for code in
              ("200", "404", "503", "none")}  # fmt: skip
    assert counts == {"200": 1, "404": 1, "503": 1, "none": 1}
    assert found['reconciler_http_request_duration_seconds_count{connection="acme-cs"}'] == 4


def test_waiting_for_the_budget_is_measured() -> None:
    made, clock = metrics(), FakeClock()
    waits = [0.0, 2.5, 30.0]

    class Slow(Unlimited):
        def acquire(self, stop: threading.Event) -> None:
            clock.wait(waits.pop(0), stop)
            if stop.is_set():
                raise errors.Interrupted

        def throttled(self, retry_after: float | None) -> None:
            told.append(retry_after)

    told: list[float | None] = []
    stop = threading.Event()
    budget = MeasuredBudget(Slow(), clock, made.throttle_observer("acme-cs"))
    budget.acquire(stop)
    budget.acquire(stop)
    stop.set()
    with pytest.raises(errors.Interrupted):
        budget.acquire(stop)
    budget.throttled(7.0)
    assert samples(made)['reconciler_throttled_seconds_total{connection="acme-cs"}'] == 32.5
    assert told == [7.0]


# ---- what is recorded


def test_what_is_recorded() -> None:
    found = samples(metrics(SEEN))
    expected = {
        "reconciler_database_up": 1,
        "reconciler_config_valid": 0,
        'reconciler_config_commit_info{commit="0a1b2c3d+changes"}': 1,
        "reconciler_state_serial": 7,
        f'reconciler_condition{{condition="failing",subject="{SYNC}"}}': 1,
        'reconciler_condition{condition="config-invalid",subject="config"}': 1,
        f'reconciler_sync_running{{sync="{SYNC}"}}': 1,
        f'reconciler_leader{{sync="{SYNC}"}}': 1,
        'reconciler_leader{sync="ProfileFieldMapping/new"}': 0,
        f'reconciler_sync_last_success_timestamp_seconds{{sync="{SYNC}"}}': NOON.timestamp(),
        f'reconciler_sync_next_due_timestamp_seconds{{sync="{SYNC}"}}': NOON.timestamp() + 4 * 3600,
        f'reconciler_rejected_rows{{reason="profile-field-missing",sync="{SYNC}"}}': 12,
        'reconciler_budget_used_calls{connection="acme-cs",window="minute"}': 60,
        'reconciler_budget_used_calls{connection="acme-cs",window="day"}': 600,
        'reconciler_budget_limit_calls{connection="acme-cs",window="minute"}': 100,
        "reconciler_notices_waiting": 2,
        f'reconciler_build_info{{version="{__version__}"}}': 1,
        "reconciler_tick_age_seconds": 0.5,
    }
    assert {name: found.get(name) for name in expected} == expected
    for absent in ("last_success_timestamp_seconds", "next_due_timestamp_seconds"):
        assert f'reconciler_sync_{absent}{{sync="ProfileFieldMapping/new"}}' not in found
    assert 'reconciler_budget_limit_calls{connection="acme-cs",window="day"}' not in found


def test_counters_of_known_documents_start_at_nothing() -> None:
    made = metrics(SEEN)
    samples(made)
    found = samples(made)
    assert found['reconciler_sync_runs_total{status="failed",sync="ProfileFieldMapping/new"}'] == 0
    assert found['reconciler_sync_rows_total{outcome="rejected",sync="ProfileFieldMapping/new"}'] == 0
    assert not any("running" in name and "runs_total" in name for name in found)


def test_while_the_database_is_away() -> None:
    answers: list[Observed | None] = [None, SEEN, None, SEEN]
    clock = FakeClock()

    def observe() -> Observed:
        answer = answers.pop(0)
        if answer is None:
            raise errors.StateUnavailable
        return answer

    made = Metrics(observe, lambda: 0.5, clock=clock, holder="me")
    made.emit(finished())
    seen = []
    for _ in range(4):
        clock.passed += 10
        seen.append(samples(made))
    never, up, away, back = seen
    assert [found["reconciler_database_up"] for found in (never, up, away, back)] == [0, 1, 0, 1]
    assert "reconciler_state_serial" not in never
    assert never[f'reconciler_sync_runs_total{{status="partial_success",sync="{SYNC}"}}'] == 1
    assert away["reconciler_state_serial"] == 7, "what was read last is still the best that is known"


def test_several_scrapers_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    clock = FakeClock()
    gate = threading.Event()

    def observe() -> Observed:
        reads.append(1)
        gate.wait(30)
        return SEEN

    made = Metrics(observe, lambda: 0.5, clock=clock, holder="me")
    monkeypatch.setattr("reconciler.web.metrics.PATIENCE", 0.05)
    assert samples(made)["reconciler_database_up"] == 0, "a scrape does not wait for ever"
    monkeypatch.setattr("reconciler.web.metrics.PATIENCE", 30.0)
    later = threading.Timer(1.0, gate.set)
    later.start()
    assert samples(made)["reconciler_database_up"] == 1, "but for what another one asked for"
    later.join()
    assert samples(made)["reconciler_database_up"] == 1
    assert len(reads) == 1
    clock.passed += 2
    made.exposition()
    assert len(reads) == 2


def test_a_bug_is_not_taken_for_an_outage() -> None:
    def observe() -> Observed:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Metrics(observe, lambda: 0.5, clock=FakeClock(), holder="me").exposition()


# ---- as Prometheus has it


def everything() -> Metrics:
    made = metrics(SEEN)
    made.emit(finished())
    made.emit(Event(name=EventName.NOTICE_SENT, fields={"channel": "ops"}))
    made.http_observer("acme-cs")
    made.throttle_observer("acme-cs")
    with serving(lambda request: reply()) as server:
        http = client(server.url, observer=made.http_observer("acme-cs"))
        http.request("GET", "a", idempotent=True)
        http.close()
    return made


def test_the_text_holds_exactly_what_the_list_says() -> None:
    families = {family.name: family for family in text_string_to_metric_families(everything().exposition().decode())}
    listed = {
        metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name: metric for metric in METRICS
    }
    assert set(families) == set(listed)
    for name, family in families.items():
        metric = listed[name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels == set(metric.labels), name


UNITS = ("seconds", "bytes", "ratio", "celsius", "meters", "volts", "amperes", "joules", "grams")
ABBREVIATED = (
    "ms",
    "us",
    "ns",
    "sec",
    "secs",
    "min",
    "mins",
    "kb",
    "mb",
    "pct",
    "percent",
    "milliseconds",
    "minutes",
    "hours",
)


def lint(name: str, kind: str, labels: Sequence[str], text: str) -> list[str]:
    """What `promtool check metrics` complains of."""
    words = name.split("_")
    wrong = [f"{name}: {word} is no base unit" for word in words if word in ABBREVIATED]
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or not name.startswith("reconciler_"):
        wrong.append(f"{name}: form")
    if (kind == "counter") is not name.endswith("_total"):
        wrong.append(f"{name}: only counters end with _total, and all of them")
    if kind == "histogram" and words[-1] not in UNITS:
        wrong.append(f"{name}: a histogram names its unit")
    wrong += [
        f"{name}: {unit} stands at the end"
        for unit in UNITS
        if unit in words[:-1] and words[-1] not in ("total", "info")
    ]
    wrong += [f"{name}: {suffix}" for suffix in ("_count", "_sum", "_bucket", f"_{kind}") if name.endswith(suffix)]
    wrong += [
        f"{name}: label {label}"
        for label in labels
        if label in ("le", "quantile") or not re.fullmatch("[a-z_]+", label)
    ]
    return wrong if text.endswith(".") else [*wrong, f"{name}: help"]


def test_names_keep_the_rules() -> None:
    assert [
        problem for metric in METRICS for problem in lint(metric.name, metric.kind, metric.labels, metric.help)
    ] == []


def test_the_rules_find_something() -> None:
    assert lint("reconciler_sync", "counter", (), "Text.")
    assert lint("reconciler_sync_total", "gauge", (), "Text.")
    assert lint("reconciler_sync_duration", "histogram", (), "Text.")
    assert lint("reconciler_sync_duration_ms", "histogram", (), "Text.")
    assert lint("reconciler_seconds_sync", "gauge", (), "Text.")
    assert lint("Sync", "gauge", (), "Text.")
    assert lint("reconciler_sync", "gauge", ("le",), "Text.")
    assert lint("reconciler_sync", "gauge", (), "")


def test_nothing_before_the_first_apply() -> None:
    found = samples(metrics(NOTHING))
    assert found["reconciler_database_up"] == 1
    assert found["reconciler_config_valid"] == 1
    assert found["reconciler_fence_lost_total"] == 0
    assert not any(name.startswith(("reconciler_state_serial", "reconciler_config_commit")) for name in found)
