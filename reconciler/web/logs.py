"""Events as lines: JSON for machines, short text for people. One line for each event, whatever its texts hold."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import orjson

from reconciler.clock import Clock
from reconciler.model.event import Event, EventName, Level, Scalar

Format = Literal["json", "text"]

MEANINGS: Mapping[EventName, str] = {
    EventName.LOOP_STARTED: "The loop runs.",
    EventName.LOOP_STOPPING: "It was asked to stop, and finishes what is under way.",
    EventName.LOOP_STOPPED: "It ended.",
    EventName.CONFIG_APPLIED: "A configuration was applied.",
    EventName.CONFIG_REFUSED: "A configuration has errors; the one before stays in force.",
    EventName.CONFIG_ERROR: "One of the errors of a configuration.",
    EventName.CONFIG_SETTINGS: "Settings of the process were changed in the project file; a restart takes them up.",
    EventName.CONFIG_WAITS: "A configuration changes more than the limits allow and waits for approval.",
    EventName.SOURCE_FAILED: "The configuration could not be fetched; what is applied stays in force.",
    EventName.CYCLE_STARTED: "A cycle of a document began.",
    EventName.CYCLE_FINISHED: "It ended, well or not.",
    EventName.CYCLE_SKIPPED: "A cycle that was due did not run, or could not be recorded, with the reason.",
    EventName.FENCE_LOST: "Another process took the cycle over; nothing more was recorded here.",
    EventName.CONNECTION_WAITS: "Calls of a connection wait, because of its limits or because the remote said so, until `until`.",
    EventName.STATE_LOST: "The database cannot be used; nothing runs until it can.",
    EventName.STATE_BACK: "It can be used again.",
    EventName.CONDITION_BEGAN: "Something that somebody should know of began.",
    EventName.CONDITION_ENDED: "It is over.",
    EventName.NOTICE_SENT: "A notification was taken by its channel.",
    EventName.NOTICE_FAILED: "It was not: it is tried again at `retry_at`, or `given_up` is true.",
    EventName.LOOP_TROUBLE: "Something did not work; the loop goes on. Please report what is an `internal error`.",
}
"""What each event says."""


class Log:
    """Writes events to an open file. Thread-safe. Whatever reads the file may go away; the loop goes on without it.

    `mask` takes known secrets out of every text before it is written. Straight to the descriptor and not through a
    buffered stream: a line is there at once, whole, and nothing is left over to fail at the end of the program.
    """

    def __init__(self, *, form: Format, clock: Clock, mask: Callable[[str], str], descriptor: int = 1) -> None:
        self._line = _json if form == "json" else _text
        self._clock = clock
        self._mask = mask
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write one line."""
        fields = {name: self._masked(value) for name, value in event.fields.items()}
        line = self._line(self._clock.now(), event.name, event.level, fields)
        with self._lock:
            self._write(line.encode("utf-8", "replace") + b"\n")

    def _masked(self, value: Scalar) -> Scalar:
        return self._mask(value) if isinstance(value, str) else value

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # A closed pipe, a full disk: there is nowhere to say it, and the work matters more than its log.
            return


def default_form(descriptor: int = 1) -> Format:
    """Text for a terminal, JSON for everything else."""
    try:
        return "text" if os.isatty(descriptor) else "json"
    except OSError:
        return "json"


def _json(now: datetime, name: EventName, level: Level, fields: Mapping[str, Scalar]) -> str:
    """`{"time":…,"level":…,"event":…,…}`. A field cannot take the place of one of the three."""
    head: dict[str, Scalar] = {"time": _time(now), "level": level.value, "event": name.value}
    rest = {key: _whole(value) for key, value in fields.items() if key not in head}
    return _flat({**head, **rest})


def _text(now: datetime, name: EventName, level: Level, fields: Mapping[str, Scalar]) -> str:
    """`12:00:03 warning cycle.finished  sync=… reason="…"`: texts that are more than a word are quoted as in JSON."""
    shown = [f"{key}={_shown(value)}" for key, value in fields.items() if value not in (None, "")]
    return "  ".join([f"{now:%H:%M:%S} {level.value:<7} {name.value}", *([" ".join(shown)] if shown else [])])


def _time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _shown(value: Scalar) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, bool):
        return str(value).lower()
    text = _whole(value)
    if not isinstance(text, str):
        return str(text)
    plain = text.isprintable() and not any(letter in ' "=' for letter in text)
    return text if plain else _flat(text)


def _flat(value: Scalar | Mapping[str, Scalar]) -> str:
    """JSON on one line, without a letter that a terminal or a reader of lines could take for more than a letter."""
    line = orjson.dumps(value).decode()
    return line if line.isprintable() else json.dumps(value).replace("\x7f", "\\u007f")


def _whole(value: Scalar) -> Scalar:
    """Text that can be encoded: half a character pair becomes a question mark."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
