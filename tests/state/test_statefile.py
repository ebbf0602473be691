"""The state file is whole, ours and up to date, or it is refused."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler import errors
from reconciler.state import statefile

ROOT = Path(__file__).parents[2]
COUNTS = {
    "read": 3,
    "unchanged": 2,
    "updated": 1,
    "created": 0,
    "rejected": 0,
    "skipped": 0,
    "not_attempted": 0,
    "reasons": {},
}
STATUS = {
    "status": "Successful",
    "reason": "",
    "since": "2026-11-22T12:00:00.000000Z",
    "counts": COUNTS,
    "lastRun": {"id": 1, "result": "Success", "startedAt": "2026-11-22T12:00:00Z", "endedAt": None},
}


def state(serial: int = 1, lineage: str = "l1", **other: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "project": "acme",
        "lineage": lineage,
        "serial": serial,
        "commit": None,
        "digest": "d",
        "connections": [{"name": "acme-cs", "type": "gainsight-cs", "active": True, **STATUS, "lastRun": None}],
        "documents": [
            {
                "kind": "ProfileFieldMapping",
                "name": "ü",
                "digest": "d",
                "generation": 1,
                "appliedAt": "2026-11-22T12:00:00.000000Z",
                **STATUS,
                "mappings": [{"item": "Job Title", **STATUS}],
            }
        ],
    }
    return made | other


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "state.json"


def test_what_is_written_is_read(path: Path) -> None:
    statefile.write(path, state)
    found = statefile.read(path, lineage="l1")
    assert found.pop("checksum")
    assert found == state() | {"formatVersion": statefile.FORMAT_VERSION}
    assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]


def test_the_schema_is_a_schema_and_the_file_follows_it(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(statefile.SCHEMA)
    statefile.write(path, state)
    jsonschema.Draft202012Validator(statefile.SCHEMA).validate(json.loads(path.read_text()))


def test_a_missing_file_is_not_an_empty_state(path: Path) -> None:
    with pytest.raises(errors.NotFound) as caught:
        statefile.read(path)
    assert "reconcile state rebuild" in str(caught.value.hint)


class TestDamage:
    def refused(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        with pytest.raises((errors.StateDamaged, errors.StateNewer)) as caught:
            statefile.read(path)
        assert "reconcile state rebuild" in str(caught.value.hint)

    @pytest.fixture
    def data(self, path: Path) -> bytes:
        statefile.write(path, lambda: state(connections=[], documents=[]))
        return path.read_bytes()

    def test_truncated_at_every_byte(self, path: Path, data: bytes) -> None:
        for length in range(len(data)):
            self.refused(path, data[:length])

    def test_any_bit_flipped(self, path: Path, data: bytes) -> None:
        for place in range(len(data)):
            for bit in range(8):
                self.refused(path, data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])

    def test_random_damage_of_a_large_file(self, path: Path) -> None:
        documents = [{**state()["documents"][0], "name": f"m{number}"} for number in range(10)]
        statefile.write(path, lambda: state(documents=documents))
        data, chance = path.read_bytes(), random.Random(8)
        for _ in range(500):
            damaged = bytearray(data)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(data))] = chance.randrange(256)
            if damaged != data:
                self.refused(path, bytes(damaged))

    @pytest.mark.parametrize(
        "data",
        [b"", b"\n", b"null", b"[]", b"{}", b"[" * 100_000, b'{"formatVersion":' + b"9" * 5000 + b"}", b"\xff\xfe{}"],
    )
    def test_what_never_was_a_state_file(self, path: Path, data: bytes) -> None:
        path.parent.mkdir()
        self.refused(path, data)

    @pytest.mark.parametrize(
        "change",
        [
            {"serial": -1},
            {"serial": "1"},
            {"lineage": ""},
            {"extra": 1},
            {"documents": [{}]},
            {"commit": 5},
            {"serial": True},
        ],
    )
    def test_what_breaks_the_schema_is_refused_even_with_a_right_checksum(
        self, path: Path, change: dict[str, Any]
    ) -> None:
        content = {**state(), **change, "formatVersion": 1}
        path.parent.mkdir()
        self.refused(path, statefile._spell({**content, "checksum": statefile._checksum(content)}))

    def test_a_damaged_file_is_replaced_only_by_a_rebuild(self, path: Path, data: bytes) -> None:
        path.write_bytes(data[:-5])
        with pytest.raises(errors.StateDamaged):
            statefile.write(path, lambda: state(9))
        assert path.read_bytes() == data[:-5]
        statefile.write(path, lambda: state(9), rebuild=True)
        assert statefile.read(path)["serial"] == 9


class TestHistory:
    def test_the_serial_never_falls(self, path: Path) -> None:
        statefile.write(path, lambda: state(5))
        statefile.write(path, lambda: state(5, commit="c"))
        statefile.write(path, lambda: state(7))
        with pytest.raises(errors.StateProblem, match=r"serial 7.* 6") as caught:
            statefile.write(path, lambda: state(6))
        assert "state rebuild" in str(caught.value.hint)
        assert statefile.read(path)["serial"] == 7

    def test_another_lineage_is_foreign(self, path: Path) -> None:
        statefile.write(path, state)
        for use in (lambda: statefile.write(path, lambda: state(9, "l2")), lambda: statefile.read(path, lineage="l2")):
            with pytest.raises(errors.StateForeign) as caught:
                use()
            assert "state rebuild" in str(caught.value.hint)
        assert statefile.read(path)["lineage"] == "l1"

    def test_a_newer_format(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_text(json.dumps({"formatVersion": 2, "anything": "else"}))
        for use in (lambda: statefile.read(path), lambda: statefile.write(path, state)):
            with pytest.raises(errors.StateNewer, match="format 2"):
                use()

    def test_writers_at_once_leave_the_highest_serial(self, path: Path) -> None:
        def attempt(serial: int) -> None:
            try:
                statefile.write(path, lambda: state(serial))
            except errors.StateProblem as problem:
                assert "serial" in problem.message

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(attempt, random.Random(1).sample(range(40), 40)))
        assert statefile.read(path)["serial"] == 39
        assert len(list(path.parent.iterdir())) == 1


class TestPlace:
    @pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
    def test_only_an_ordinary_file_will_do(self, path: Path, kind: str) -> None:
        path.parent.mkdir()
        if kind == "link":
            statefile.write(path.with_name("real.json"), state)
            path.symlink_to("real.json")
        elif kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
        started = time.monotonic()
        for use in (lambda: statefile.read(path), lambda: statefile.write(path, state), self.rebuild(path)):
            with pytest.raises(errors.StateUnavailable) as caught:
                use()
            assert caught.value.hint
        assert time.monotonic() - started < 5

    @staticmethod
    def rebuild(path: Path) -> Any:
        return lambda: statefile.write(path, state, rebuild=True)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "state.json"
        for use in (lambda: statefile.read(path), lambda: statefile.write(path, state)):
            with pytest.raises(errors.StateUnavailable):
                use()

    def test_text_that_json_cannot_hold(self, path: Path) -> None:
        with pytest.raises(errors.StateProblem, match="Unicode"):
            statefile.write(path, lambda: state(digest="\ud800"))

    def test_a_full_disk_leaves_the_old_file(self, path: Path) -> None:
        statefile.write(path, lambda: state(1))
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            for limit in range(0, len(before), 200):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
                with pytest.raises(errors.StateUnavailable, match="large") as caught:
                    statefile.write(path, lambda: state(2))
                assert caught.value.hint
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        assert path.read_bytes() == before
        assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]

    def test_kills_leave_the_old_or_the_new_file(self, path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from reconciler.state import statefile\n"
            "from tests.state.test_statefile import state\n"
            "for serial in range(int(sys.argv[2]), 10**9):\n"
            "    statefile.write(Path(sys.argv[1]), lambda: state(serial)); print(serial, flush=True)"
        )
        serial, chance = 0, random.Random(4)
        for _ in range(4):
            command = [sys.executable, "-c", script, str(path), str(serial + 1)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(chance.random() / 20)
                process.kill()
                reported = max([serial + 1, *map(int, process.stdout.read().split())])
            serial = statefile.read(path)["serial"]
            assert reported <= serial <= reported + 1
        statefile.write(path, lambda: state(serial))
        assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]
