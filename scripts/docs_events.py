"""Sections of the reference that list what a running loop shows of itself: metrics, events, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docs_words import code, table

from reconciler.model.event import Condition, EventName
from reconciler.model.notice import WORDS
from reconciler.web.logs import MEANINGS
from reconciler.web.metrics import METRICS


def metrics() -> str:
    rows = [(code(it.name), it.kind, ", ".join(map(code, it.labels)), it.help) for it in METRICS]
    return table(("name", "type", "labels", "what it is"), rows)


def events() -> str:
    return table(("event", "what it says"), [(code(name.value), MEANINGS[name]) for name in EventName])


def conditions() -> str:
    rows = [(code(condition.value), *WORDS[condition]) for condition in Condition]
    return table(("condition", "when it begins", "when it ends"), rows)


SECTIONS: Mapping[str, Callable[[], str]] = {"metrics": metrics, "events": events, "conditions": conditions}
