"""Writes `deploy/grafana/dashboard.json`, or with `--check` says whether it is out of date. Equal code gives an equal file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATH = ROOT / "deploy" / "grafana" / "dashboard.json"
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `queries` are PromQL and what a line of the answer is called; a stat that has `names` shows those alone."""

    title: str
    about: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 12
    bad_from: float | None = None
    yes_no: bool = False
    names: bool = False
    stacked: bool = False

    @property
    def height(self) -> int:
        return 4 if self.kind == "stat" else 8


def graph(title: str, about: str, *queries: tuple[str, str], **more: Any) -> Panel:
    return Panel(title=title, about=about, queries=queries, **more)


def stat(title: str, about: str, promql: str, legend: str = "", **more: Any) -> Panel:
    return Panel(title=title, about=about, queries=((promql, legend),), kind="stat", width=4, **more)


# What is recorded in the database is reported by every replica alike, so it is taken once: `max by`, `min`. Counters are
# of one process each, so they are added up.
ROWS: Mapping[str, tuple[Panel, ...]] = {
    "Is it alive?": (
        stat(
            "Database",
            "Whether the state database answers, to every replica.",
            "min(reconciler_database_up)",
            yes_no=True,
        ),
        stat(
            "Configuration valid",
            "Whether the newest commit can be applied. If not, the last good one stays in force.",
            "min(reconciler_config_valid)",
            yes_no=True,
        ),
        stat(
            "Age of the last tick",
            "The loop goes round every few seconds, also while cycles run. A growing age is a loop that hangs.",
            "max(reconciler_tick_age_seconds)",
            unit="s",
            bad_from=60,
        ),
        stat("Serial", "Grows with every apply.", "max(reconciler_state_serial)", unit="none"),
        stat(
            "Commit",
            "The commit that was applied last.",
            "max by (commit) (reconciler_config_commit_info)",
            "{{commit}}",
            names=True,
        ),
        stat("Version", "Of all replicas.", "count by (version) (reconciler_build_info)", "{{version}}", names=True),
    ),
    "Documents": (
        graph(
            "Since the last cycle that went through",
            "Also with rejected values. The alert comes after two periods.",
            ('time() - max by (sync) (reconciler_sync_last_success_timestamp_seconds{sync=~"$sync"})', "{{sync}}"),
            unit="s",
        ),
        graph(
            "Until the next cycle is due",
            "Below zero: overdue. Suspended documents are absent.",
            ('max by (sync) (reconciler_sync_next_due_timestamp_seconds{sync=~"$sync"}) - time()', "{{sync}}"),
            unit="s",
        ),
        graph(
            "Cycles by result",
            "How many ended, and how.",
            ('sum by (status) (increase(reconciler_sync_runs_total{sync=~"$sync"}[$__rate_interval]))', "{{status}}"),
            stacked=True,
        ),
        graph(
            "How long cycles take",
            "Half of them take less than the lower line, 95 % less than the upper one.",
            *(
                (
                    f"histogram_quantile({share}, sum by (le) "
                    '(increase(reconciler_sync_duration_seconds_bucket{sync=~"$sync"}[1d])))',
                    label,
                )
                for share, label in ((0.5, "50 %"), (0.95, "95 %"))
            ),
            unit="s",
        ),
        graph(
            "Values by outcome",
            "What became of the values that cycles looked at.",
            ('sum by (outcome) (increase(reconciler_sync_rows_total{sync=~"$sync"}[$__rate_interval]))', "{{outcome}}"),
            stacked=True,
        ),
        graph(
            "Rejected values",
            "Of the last cycle of each document, by reason. `reconcile records NAME` lists them with advice.",
            ('max by (sync, reason) (reconciler_rejected_rows{sync=~"$sync"})', "{{sync}} {{reason}}"),
            stacked=True,
        ),
    ),
    "Calls to Gainsight": (
        graph(
            "Calls by status",
            "`none`: there was no answer.",
            (
                'sum by (connection, code) (rate(reconciler_http_requests_total{connection=~"$connection"}'
                "[$__rate_interval]))",
                "{{connection}} {{code}}",
            ),
            unit="reqps",
        ),
        graph(
            "How long calls take",
            "95 % of them take less.",
            (
                "histogram_quantile(0.95, sum by (connection, le) (rate("
                'reconciler_http_request_duration_seconds_bucket{connection=~"$connection"}[$__rate_interval])))',
                "{{connection}}",
            ),
            unit="s",
        ),
        graph(
            "Waiting for the API budget",
            "Share of the time that calls waited for their turn. Above 1: several waited at once.",
            (
                'sum by (connection) (rate(reconciler_throttled_seconds_total{connection=~"$connection"}'
                "[$__rate_interval]))",
                "{{connection}}",
            ),
            unit="percentunit",
        ),
    ),
    "Replicas": (
        graph(
            "Who runs what",
            "The replica that holds the lease of a document. Never two for one document.",
            ('max by (sync, instance) (reconciler_leader{sync=~"$sync"}) > 0', "{{sync}} on {{instance}}"),
            stacked=True,
        ),
        graph(
            "Lost leases",
            "Cycles that a replica lost to another one, because it stood still for too long.",
            ("sum by (instance) (increase(reconciler_fence_lost_total[$__rate_interval]))", "{{instance}}"),
        ),
    ),
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when the file is out of date"
    )
    check = arguments.parse_args().check
    text = generated()
    if PATH.is_file() and PATH.read_text("utf-8") == text:
        return 0
    print(f"{'out of date' if check else 'wrote'}: {PATH.relative_to(ROOT)}")
    if not check:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(text, "utf-8")
    return 1 if check else 0


def generated() -> str:
    """The dashboard as Grafana imports it."""
    dashboard = {
        "uid": "reconcile",
        "title": "reconcile",
        "description": "Cycles, rejected values, the API and the loop itself.",
        "tags": ["reconcile"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "annotations": {"list": []},
        "panels": [{"id": number, **made} for number, made in enumerate(_panels(), 1)],
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    for name, label, promql in (
        ("sync", "Document", "label_values(reconciler_sync_runs_total, sync)"),
        ("connection", "Connection", "label_values(reconciler_http_requests_total, connection)"),
    ):
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": promql, "refId": name},
            "definition": promql,
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }


def _panels() -> Iterator[dict[str, Any]]:
    """Headings and panels from left to right, a new line when one is full."""
    x = y = below = 0
    for title, panels in ROWS.items():
        yield {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _place(0, below, COLUMNS, 1)}
        x, y = 0, below + 1
        below = y
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y = 0, below
            yield _panel(panel, _place(x, y, panel.width, panel.height))
            x += panel.width
            below = max(below, y + panel.height)


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": promql, "legendFormat": legend or "__auto"}
            for number, (promql, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _field(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    field: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.yes_no:
        words = {"0": {"text": "no", "color": "red"}, "1": {"text": "yes", "color": "green"}}
        field["mappings"] = [{"type": "value", "options": words}]
    if panel.stacked:
        field["custom"] = {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal", "group": "A"}}
    return field


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "name" if panel.names else "value",
            "colorMode": "value",
            "graphMode": "none",
        }
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


if __name__ == "__main__":
    sys.exit(main())
