"""Dashboard and alerts: every expression can be parsed and asks only for metrics that there are; alerts fire when they should."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml

from reconciler.web.metrics import METRICS
from tests.delivery.tools import DEPLOY, prepared, run

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
UNIT_TESTS = Path(__file__).with_name("alerts_test.yaml")
SLOW_TESTS = Path(__file__).with_name("alerts_slow_test.yaml")

HISTOGRAMS = {metric.name for metric in METRICS if metric.kind == "histogram"}
LABELS = {metric.name: set(metric.labels) for metric in METRICS}

FOR_OTHERS = {
    "reconciler_budget_limit_calls",
    "reconciler_budget_used_calls",
    "reconciler_condition",
    "reconciler_notices_total",
    "reconciler_notices_waiting",
    "reconciler_sync_running",
}
"""Metrics that neither the dashboard nor an alert looks at."""

OF_PROMETHEUS = {"instance", "le"}
"""Labels that are not the program's own."""

RECORDED = {"sync:reconciler_period:seconds"}
"""What the rules themselves record."""


def dashboard_queries() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]


def selectors(promql: str) -> Iterator[promql_parser.VectorSelector]:
    """The selectors of metrics in an expression, found by a real parser. Grafana's variables become a value of their kind."""
    yield from _below(promql_parser.parse(promql.replace("$__rate_interval", "5m")))


def _below(node: object) -> Iterator[promql_parser.VectorSelector]:
    match node:
        case promql_parser.VectorSelector():
            yield node
        case promql_parser.MatrixSelector():
            yield node.vector_selector
        case promql_parser.BinaryExpr():
            yield from _below(node.lhs)
            yield from _below(node.rhs)
        case promql_parser.Call():
            for argument in node.args:
                yield from _below(argument)
        case (
            promql_parser.AggregateExpr()
            | promql_parser.ParenExpr()
            | promql_parser.SubqueryExpr()
            | promql_parser.UnaryExpr()
        ):
            yield from _below(node.expr)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            raise AssertionError(f"a part of PromQL that this test does not know: {node!r}")


def base_name(metric: str) -> str:
    """The metric of a series: a histogram has three kinds of them."""
    for histogram in HISTOGRAMS:
        if metric in {f"{histogram}_{part}" for part in ("bucket", "sum", "count")}:
            return histogram
    assert metric not in HISTOGRAMS, f"{metric} is a histogram and has no series of that name"
    return metric


ALL = [*dashboard_queries(), *(rule["expr"] for rule in rules())]


@pytest.mark.parametrize("promql", ALL)
def test_expressions_ask_for_what_there_is(promql: str) -> None:
    found = list(selectors(promql))
    assert found, "an expression without a metric"
    known: set[str] = set()
    for selector in found:
        assert selector.name in RECORDED or base_name(selector.name) in LABELS, selector.name
        own = LABELS[base_name(selector.name)] if selector.name not in RECORDED else {"sync"}
        assert {matcher.name for matcher in selector.matchers.matchers} <= own | OF_PROMETHEUS
        known |= own
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", promql) for label in labels.split(",")}
    assert grouped <= known | OF_PROMETHEUS


def test_every_other_metric_is_looked_at() -> None:
    asked = {selector.name for promql in ALL for selector in selectors(promql)} - RECORDED
    assert {base_name(name) for name in asked} == set(LABELS) - FOR_OTHERS


def test_recorded_series_are_those_of_the_rules() -> None:
    assert {rule["record"] for rule in rules() if "record" in rule} == RECORDED


def test_a_wrong_name_would_be_found() -> None:
    assert [selector.name for selector in selectors("sum(rate(reconciler_nothing[5m])) / 2")] == ["reconciler_nothing"]
    assert "reconciler_nothing" not in LABELS
    with pytest.raises(ValueError, match="unclosed"):
        list(selectors("sum(rate(x[5m])"))


def test_every_alert_is_explained() -> None:
    page = (DEPLOY.parent / "docs" / "how-to" / "alerts.md").read_text("utf-8")
    explained = re.findall(r"^## (Reconcile\w+)$", page, re.MULTILINE)
    assert explained == [rule["alert"] for rule in rules() if "alert" in rule]


def test_panels_do_not_overlap() -> None:
    taken = set[tuple[int, int]]()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


# -- with Prometheus' own tool


def promtool(folder: Path, alerts: str, tests: Path = UNIT_TESTS) -> tuple[int, str]:
    """The unit tests of the alerts, on this text of the rules."""
    (folder / "alerts.yaml").write_text(alerts, "utf-8")
    shutil.copy(tests, folder / "tests.yaml")
    done = run(prepared("promtool"), "test", "rules", "tests.yaml", cwd=folder)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_valid() -> None:
    done = run(prepared("promtool"), "check", "rules", "--lint-fatal", ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


@pytest.mark.parametrize("tests", [UNIT_TESTS, SLOW_TESTS], ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(tmp_path: Path, tests: Path) -> None:
    code, output = promtool(tmp_path, ALERTS.read_text("utf-8"), tests)
    assert code == 0, output


@pytest.mark.parametrize(
    ("alert", "right", "wrong"),
    [
        ("ReconcileStale", "> 2 * sync", "> 1 * sync"),
        ("ReconcileStale", "> 2 * sync", "> 3 * sync"),
        (
            "ReconcileStale",
            "reconciler_sync_next_due_timestamp_seconds",
            "reconciler_sync_last_success_timestamp_seconds",
        ),
        ("ReconcileRejected", "> 0.05", ">= 0.05"),
        ("ReconcileRejected", "> 0.05", "> 0.2"),
        ("ReconcileFenceLost", "[30m]", "[2h]"),
        ("ReconcileConfigInvalid", "for: 15m", "for: 5m"),
        ("ReconcileStuck", "> 60", "> 600"),
        ("ReconcileDatabaseDown", "database_up) == 0", "database_up) == 1"),
        ("ReconcileAbsent", "absent(", "sum("),
    ],
)
def test_the_unit_tests_notice_a_changed_rule(tmp_path: Path, alert: str, right: str, wrong: str) -> None:
    text = ALERTS.read_text("utf-8")
    assert right in text
    code, output = promtool(tmp_path, text.replace(right, wrong))
    assert code != 0
    assert alert in output
