"""What happens while the loop runs, as values: logs, metrics and notifications are made of the same ones.

An event carries names, counts and reasons; never a row, a value of a row, or a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Scalar = str | int | float | bool | None


class EventName(StrEnum):
    """Every event there is; the names are part of the interface of the logs."""

    LOOP_STARTED = "loop.started"
    LOOP_STOPPING = "loop.stopping"
    LOOP_STOPPED = "loop.stopped"
    CONFIG_APPLIED = "config.applied"
    CONFIG_REFUSED = "config.refused"
    CONFIG_ERROR = "config.error"
    CONFIG_SETTINGS = "config.settings_changed"
    CONFIG_WAITS = "config.needs_approval"
    SOURCE_FAILED = "source.failed"
    CYCLE_STARTED = "cycle.started"
    CYCLE_FINISHED = "cycle.finished"
    CYCLE_SKIPPED = "cycle.skipped"
    FENCE_LOST = "lease.fence_lost"
    CONNECTION_WAITS = "connection.waits"
    STATE_LOST = "state.lost"
    STATE_BACK = "state.back"
    CONDITION_BEGAN = "condition.began"
    CONDITION_ENDED = "condition.ended"
    NOTICE_SENT = "notice.sent"
    NOTICE_FAILED = "notice.failed"
    LOOP_TROUBLE = "loop.trouble"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `fields` are the details, by name."""

    name: EventName
    level: Level = Level.INFO
    fields: Mapping[str, Scalar] = field(default_factory=dict)


Emit = Callable[[Event], None]
"""Takes an event; called from several threads, and must not raise."""


class Condition(StrEnum):
    """States of something that somebody should know of. They begin and end; only that is notified."""

    FAILING = "failing"
    NEEDS_AUTH = "needs-auth"
    SAFETY_STOP = "safety-stop"
    REJECTED_MANY = "rejected-many"
    CONFIG_INVALID = "config-invalid"
    SOURCE_FAILED = "source-failed"
    SOURCE_REWRITTEN = "source-rewritten"
    NEEDS_APPROVAL = "needs-approval"


CONFIG = "config"
"""The subject of what is the matter with the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A condition of `subject` (a document's `Kind/name`, or `config`) that began or ended.

    `since` is when it began, also of one that ended, as far as that is known.
    """

    subject: str
    condition: Condition
    began: bool
    reason: str = ""
    hint: str = ""
    since: datetime | None = None
