"""Lines of the log: one for each event, whatever its texts hold, and no secret in any."""

from __future__ import annotations

import json
import os
import pty
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.secrets import Redactor
from reconciler.model.event import Event, EventName, Level
from reconciler.web import logs
from tests.connectors.servers import FakeClock

FINISHED = Event(
    name=EventName.CYCLE_FINISHED,
    level=Level.WARNING,
    fields={
        "sync": "ProfileFieldMapping/acme-profile",
        "result": "Partial Success",
        "seconds": 12.5,
        "updated": 3,
        "ok": True,
        "reason": "",
        "slot": None,
    },
)


def written(form: logs.Format, *events: Event, mask: Callable[[str], str] = str) -> list[bytes]:
    """The lines that the events make, as they come out of a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        log = logs.Log(form=form, clock=FakeClock(), mask=mask, descriptor=writing)
        for event in events:
            log.emit(event)
        os.close(writing)
        return pipe.read().split(b"\n")


def test_json() -> None:
    line, rest = written("json", FINISHED)
    assert rest == b""
    assert json.loads(line) == {
        "time": "2026-11-22T12:00:00.000000Z",
        "level": "warning",
        "event": "cycle.finished",
        **FINISHED.fields,
    }


def test_text() -> None:
    assert written("text", FINISHED, Event(name=EventName.STATE_BACK)) == [
        b"12:00:00 warning cycle.finished  sync=ProfileFieldMapping/acme-profile "
        b'result="Partial Success" seconds=12.5 updated=3 ok=true',
        b"12:00:00 info    state.back",
        b"",
    ]


NASTY = 'a\nb\r\x1b[31m\x9b2J\u2028\u0085\x7f"\\ =\ud800'


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_makes_a_second_line_or_moves_a_cursor(form: logs.Format) -> None:
    event = Event(name=EventName.CONFIG_REFUSED, fields={"reason": NASTY})
    line, rest = written(form, event)
    assert rest == b""
    assert line.decode().isprintable()
    shown = line.decode() if form == "json" else line.decode().partition("reason=")[2]
    found: Any = json.loads(shown)
    assert (found["reason"] if form == "json" else found) == NASTY.replace("\ud800", "?")


def test_a_field_cannot_pretend() -> None:
    line, _ = written("json", Event(name=EventName.STATE_BACK, fields={"event": "loop.stopped", "time": "never"}))
    assert (json.loads(line)["event"], json.loads(line)["time"]) == ("state.back", "2026-11-22T12:00:00.000000Z")


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_masked_before_anything_is_quoted(form: logs.Format) -> None:
    redactor = Redactor()
    log_line = Event(name=EventName.STATE_LOST, fields={"reason": 'password pa"ss\\w=rd was refused', "n": 1})
    redactor.add('pa"ss\\w=rd')
    line, _ = written(form, log_line, mask=redactor)
    assert b"w=rd" not in line and b"ss" not in line.replace(b"password", b"")
    assert b"[secret]" in line


def test_whoever_reads_may_go_away() -> None:
    reading, writing = os.pipe()
    log = logs.Log(form="json", clock=FakeClock(), mask=str, descriptor=writing)
    log.emit(FINISHED)
    os.close(reading)
    for _ in range(3):
        log.emit(FINISHED)
    os.close(writing)


def test_lines_of_several_threads_stay_whole(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as stream:
        log = logs.Log(form="json", clock=FakeClock(), mask=str, descriptor=stream.fileno())
        event = Event(name=EventName.CYCLE_FINISHED, fields={"reason": "x" * 20_000})
        threads = [threading.Thread(target=lambda: [log.emit(event) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = file.read_text().splitlines()
    assert len(lines) == 200
    assert {len(json.loads(line)["reason"]) for line in lines} == {20_000}


def test_json_unless_somebody_watches(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        assert logs.default_form(stream.fileno()) == "json"
    master, terminal = pty.openpty()
    try:
        assert logs.default_form(terminal) == "text"
    finally:
        os.close(master)
        os.close(terminal)


def test_every_event_is_explained() -> None:
    assert set(logs.MEANINGS) == set(EventName)
