"""Starting, stopping, the ready line, sizes, determinism."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig, SandboxError
from tests.sandbox.sandbox_client import Remote

SERVE = "import sys; from reconciler.sandbox import Sandbox, SandboxConfig; "
SERVE += "sys.exit(Sandbox(SandboxConfig(people=20)).serve_forever())"


def _serve() -> subprocess.Popen[str]:
    paths = [str(Path(__file__).parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    return subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_forever_prints_one_ready_line_and_ends_cleanly(number: signal.Signals) -> None:
    with _serve() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)
    assert line.startswith("sandbox ready  cs=http://127.0.0.1:")
    assert line.endswith("  people=20 communities=2 seed=1\n")
    assert (rest, process.returncode) == ("", 0)


def test_a_taken_port_is_one_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}") as raised:
            Sandbox(SandboxConfig(people=1, cc_port=port)).start()
    assert "--cc-port" in raised.value.hint


@pytest.mark.parametrize("wrong", [{"people": -1}, {"communities": 0}, {"cs_port": 70_000}, {"person_null_share": 2}])
def test_impossible_configs_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SandboxError):
        SandboxConfig(**wrong)  # type: ignore[arg-type]


def test_stopping_twice_and_asking_before_the_start() -> None:
    sandbox = Sandbox(SandboxConfig(people=1))
    with pytest.raises(SandboxError):
        _ = sandbox.cs_url
    sandbox.start()
    assert sandbox.cc_urls == [sandbox.cc_url] * 2
    sandbox.stop()
    sandbox.stop()


def _picture(seed: int) -> tuple[object, object, object]:
    with Sandbox(SandboxConfig(people=60, seed=seed)) as sandbox, Remote(sandbox) as remote:
        persons = remote.query("person", ["Gsid", "Email", "Timezone", "Interests__gc", "CreatedDate"])
        company_persons = remote.query("company_person", ["Gsid", "Person_ID", "Seats__gc", "Health_Score__gc"])
        return persons, company_persons, remote.control("GET", "cc/1/members?limit=1000")


def test_equal_seeds_give_equal_data_and_other_seeds_other_data() -> None:
    first = _picture(3)
    assert first == _picture(3)
    assert first != _picture(4)


def test_without_quirks_every_count_is_exact() -> None:
    config = SandboxConfig(people=120, communities=3, quirks=False, person_null_share=0)
    with Sandbox(config) as sandbox, Remote(sandbox) as remote:
        state = remote.control("GET", "state")
        assert sum(state["members"].values()) == state["people"] == state["company_persons"] == 120
        emails = {row["Email"] for row in remote.query("person", ["Email"])}
        assert emails == {member["email"] for number in (1, 2, 3) for member in remote.members(number)}
        rows = remote.query("company_person", ["Title", "Seats__gc", "Renewal_Date__gc", "IsPrimaryCompany"])
        assert all(value is not None for row in rows for value in row.values())
        assert all(row["IsPrimaryCompany"] is True for row in rows)


def test_quirks_are_all_there(remote: Remote) -> None:
    persons = remote.query("person", ["Gsid", "Email"])
    folded = [row["Email"].strip().lower() for row in persons]
    assert len(set(folded)) < len(folded)
    links: dict[str, list[bool]] = {}
    for row in remote.query("company_person", ["Person_ID", "IsPrimaryCompany"]):
        links.setdefault(row["Person_ID"], []).append(row["IsPrimaryCompany"])
    several = [flags for flags in links.values() if len(flags) > 1]
    assert any(sum(flags) == 1 for flags in several)
    assert any(sum(flags) == 0 for flags in several)
    members = {member["email"].strip().lower() for number in (1, 2) for member in remote.members(number)}
    assert members - set(folded), "some members are unknown to CS"
    assert set(folded) - members, "some people are no members"


def test_every_profile_field_has_a_value_on_some_member(remote: Remote) -> None:
    for community in (1, 2):
        fields = {field["name"] for field in remote.control("GET", f"cc/{community}/fields")["fields"]}
        members = remote.control("GET", f"cc/{community}/members?limit=1000")["members"]
        assert {name for member in members for name in member["profile"]} == fields
        assert "Support Tier" not in fields


CROWD = """
import json, resource, time
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.sandbox.sandbox_client import Remote

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Sandbox(SandboxConfig(people=100_000, communities=1, quirks=False)) as sandbox, Remote(sandbox) as remote:
    started = time.perf_counter()
    last = remote.cc("GET", "/api1/user?_returnIterable=1&pageSize=100&page=1000").json
    rows = remote.query("company_person", ["Gsid", "Person_ID__gr.Email"], orderBy={"Gsid": "asc"}, limit=5000)
    took = time.perf_counter() - started
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([took, grown, len(last["users"]), last["statistics"]["count"], len(rows)]))
"""


def test_a_hundred_thousand_people_stay_small_and_quick_to_read() -> None:
    """In a process of its own: what a process once had in memory hides that it needs as much again."""
    command = [sys.executable, "-c", CROWD]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, stdout=subprocess.PIPE, text=True)
    took, grown, *counts = json.loads(done.stdout)
    assert counts == [100, 100_000, 5_000]
    # Far above what is needed, so that a busy machine does not fail it; a full scan per page would.
    assert took < 3
    assert grown < 400
