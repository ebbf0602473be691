"""Everything together: a loop's events, calls, conditions and messages, seen from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.cli.watching import watch
from reconciler.cli.wiring import workplace
from reconciler.config.convert import to_resource
from reconciler.config.load import load_project
from reconciler.model.event import Condition, Event, EventName
from reconciler.model.resources import CsConnection
from reconciler.state import conditions, meta
from tests.connectors.servers import FakeClock, reply, serving
from tests.web.helpers import Pulse, ask

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-cs}
spec:
  type: gainsight-cs
  domain: acme.gainsightcloud.com
  baseUrl: URL
  accessKey: {env: ACME_CS_KEY}
"""
PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
spec:
  configs: [acme-cs.yaml]
  notifications:
    - {name: ops, type: slack, url: {env: OPS_WEBHOOK}}
"""


def test_a_loop_seen_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reconcile.yaml").write_text(PROJECT)
    (tmp_path / "acme-cs.yaml").write_text(CONNECTION)
    with serving(lambda request: reply(body={"result": True, "data": {}})) as server:
        secret = f"{server.url}/hook/verysecret"
        monkeypatch.setenv("OPS_WEBHOOK", secret)
        monkeypatch.setenv("ACME_CS_KEY", "a-key-of-nobody")
        monkeypatch.setenv("RECONCILE_ALLOW_LOOPBACK", "1")
        work = workplace(tmp_path)
        work.clock = FakeClock()
        seen = watch(work, Pulse(), holder="me", form=None, listen="127.0.0.1:0")
        assert seen.server is not None
        with work.database.begin() as session:
            meta.initialise(session, "acme", "l1", now=work.clock.now())
            found = {Condition.CONFIG_INVALID: ("two errors", "reconcile validate")}
            seen.announce(session, conditions.settle(session, "config", found, now=work.clock.now()), work.clock.now())
        with seen.server:
            seen.emit(Event(name=EventName.CONFIG_REFUSED, fields={"reason": "two errors"}))
            assert seen.courier() == 1
            with work.database.begin() as session:
                ended = conditions.settle(session, "config", {Condition.CONFIG_INVALID: None}, now=work.clock.now())
                seen.announce(session, ended, work.clock.now())
            assert seen.courier() == 1
            seen.emit(Event(name=EventName.LOOP_TROUBLE, fields={"reason": f"cannot reach {secret}"}))
            metrics = ask(seen.server.address, "/metrics").body.decode()
        assert len(server.requests) == 2
        assert server.requests[0].target == "/hook/verysecret"
        assert server.requests[0].json()["text"].startswith(":red_circle: *acme: config: the configuration has errors*")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == [
        "condition.began",
        "config.refused",
        "notice.sent",
        "condition.ended",
        "notice.sent",
        "loop.trouble",
    ]
    assert (lines[0]["subject"], lines[0]["reason"], lines[0]["level"]) == ("config", "two errors", "warning")
    assert lines[-1]["reason"] == "cannot reach [secret]"
    for expected in (
        "reconciler_config_valid 1.0",
        "reconciler_state_serial 0.0",
        'reconciler_notices_total{channel="ops",result="sent"} 2.0',
        "reconciler_database_up 1.0",
    ):
        assert f"\n{expected}\n" in metrics
    work.database.close()


def test_calls_of_connections_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_CS_KEY", "a-key-of-nobody")
    monkeypatch.setenv("RECONCILE_ALLOW_LOOPBACK", "1")
    with serving(lambda request: reply(401, {})) as server:
        (tmp_path / "reconcile.yaml").write_text(PROJECT)
        (tmp_path / "acme-cs.yaml").write_text(CONNECTION.replace("URL", server.url))
        work = workplace(tmp_path)
        work.clock = FakeClock()
        seen = watch(work, Pulse(), holder="me", form="text", listen=None)
        assert seen.server is None
        (document,) = load_project(tmp_path, tmp_path).documents.values()
        connection = to_resource(document)
        assert isinstance(connection, CsConnection)
        remote = work.cs(connection)
        assert [check.ok for check in remote.check()].count(False) > 0
        remote.close()
    assert work.metrics is not None
    text = work.metrics.exposition().decode()
    assert 'reconciler_http_requests_total{code="401",connection="acme-cs"}' in text
    assert 'reconciler_throttled_seconds_total{connection="acme-cs"}' in text
    work.database.close()


def test_a_wrong_address_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text(PROJECT)
    with pytest.raises(errors.UsageError):
        watch(workplace(tmp_path), Pulse(), holder="me", form="json", listen="nowhere")
    assert not (tmp_path / "var" / "reconciler.db").exists()
