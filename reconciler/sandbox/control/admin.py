"""State, reset, switches, faults, clock, tokens and the logs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from reconciler.sandbox import faults, switches, world
from reconciler.sandbox.clock import iso
from reconciler.sandbox.control.body import mapping, refuse, whole
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Router

MOST_LISTED = 10_000
LATEST = 32_503_680_000


def add_routes(router: Router) -> None:
    router.add("GET", "/_sandbox/state", state)
    router.add("POST", "/_sandbox/reset", reset)
    router.add("POST", "/_sandbox/switches", set_switches)
    router.add("GET", "/_sandbox/faults", list_faults)
    router.add("POST", "/_sandbox/faults", add_faults)
    router.add("DELETE", "/_sandbox/faults", clear_faults)
    router.add("GET", "/_sandbox/clock", clock)
    router.add("POST", "/_sandbox/clock", set_clock)
    router.add("GET", "/_sandbox/writes", writes)
    router.add("DELETE", "/_sandbox/writes", clear_writes)
    router.add("GET", "/_sandbox/requests", requests)
    router.add("DELETE", "/_sandbox/requests", clear_requests)
    router.add("DELETE", "/_sandbox/tokens", revoke_tokens)
    router.add("DELETE", "/_sandbox/windows", clear_windows)


def state(call: Call) -> Response:
    held = call.world
    count = held.store.value
    return json_response(
        {
            "config": asdict(held.config),
            "switches": switches.as_dict(held.switches),
            "clock": _clock(held),
            "people": count("SELECT count(*) FROM cs_person"),
            "company_persons": count("SELECT count(*) FROM cs_company_person"),
            "companies": count("SELECT count(*) FROM cs_company"),
            "members": {str(n): len(community.userids) for n, community in held.communities.items()},
            "topics": _by_community(held, "topic"),
            "replies": _by_community(held, "reply"),
            "faults": held.faults.listed(),
            "windows": held.windows.snapshot(),
            "requests": held.journal.total,
            "writes": held.journal.write_count(),
            "last_write": held.journal.last_write(),
            "counters": held.journal.counters(),
        }
    )


def _by_community(held: world.World, table: str) -> dict[str, int]:
    counts = dict(held.store.tuples(f"SELECT community, count(*) FROM {table} GROUP BY community"))
    return {str(number): counts.get(number, 0) for number in held.communities}


def reset(call: Call) -> Response:
    """Data, switches, faults, logs, tokens and clock as they were at the start."""
    world.rebuild(call.world)
    return json_response({"reset": True})


def set_switches(call: Call) -> Response:
    try:
        call.world.switches = switches.changed(call.world.switches, mapping(call))
    except ValueError as error:
        raise refuse(str(error)) from error
    return json_response(switches.as_dict(call.world.switches))


def list_faults(call: Call) -> Response:
    return json_response({"faults": call.world.faults.listed()})


def add_faults(call: Call) -> Response:
    """One fault, a list of them, or `{"faults": [...]}`; all are checked before any is armed."""
    body = call.request.json()
    given = body.get("faults", [body]) if isinstance(body, dict) else body
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise refuse("send one fault, a list of faults, or an object with faults")
    try:
        for item in given:
            faults.parse(item, 0)
        for item in given:
            call.world.faults.add(item)
    except ValueError as error:
        raise refuse(str(error)) from error
    return list_faults(call)


def clear_faults(call: Call) -> Response:
    call.world.faults.clear()
    return list_faults(call)


def clock(call: Call) -> Response:
    return json_response(_clock(call.world))


def set_clock(call: Call) -> Response:
    """`freeze`, then `set` (epoch seconds or ISO), then `advance` (seconds); `reset` returns to real time."""
    body = mapping(call)
    unknown = set(body) - {"set", "advance", "freeze", "reset"}
    if unknown:
        raise refuse(f"the clock knows set, advance, freeze and reset, not {sorted(unknown)}")
    held = call.world.clock
    instant = _instant(body["set"]) if "set" in body else None
    step = _seconds(body.get("advance", 0))
    if body.get("reset"):
        held.reset()
    if "freeze" in body:
        held.freeze(bool(body["freeze"]))
    if instant is not None:
        held.set(instant)
    if not 0 <= held.now() + step < LATEST:
        raise refuse("the clock must stay between 1970 and 3000")
    held.advance(step)
    return clock(call)


def writes(call: Call) -> Response:
    limit = min(whole(call, "limit", MOST_LISTED), MOST_LISTED)
    found = call.world.journal.writes(whole(call, "since", 0), limit)
    return json_response({"writes": found, "last": call.world.journal.last_write()})


def clear_writes(call: Call) -> Response:
    call.world.journal.clear_writes()
    return json_response({"writes": [], "last": call.world.journal.last_write()})


def requests(call: Call) -> Response:
    return json_response({"requests": call.world.journal.requests(min(whole(call, "limit", 1_000), MOST_LISTED))})


def clear_requests(call: Call) -> Response:
    call.world.journal.clear_requests()
    return json_response({"requests": []})


def revoke_tokens(call: Call) -> Response:
    return json_response({"revoked": call.world.tokens.revoke_all()})


def clear_windows(call: Call) -> Response:
    call.world.windows.clear()
    return json_response({"windows": []})


def _clock(held: world.World) -> dict[str, Any]:
    now = held.clock.now()
    return {"now": now, "iso": iso(now), "frozen": held.clock.frozen}


def _instant(value: object) -> float:
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError as error:
            raise refuse("set must be epoch seconds or an ISO date and time") from error
        value = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    seconds = _seconds(value)
    if not 0 <= seconds < LATEST:
        raise refuse("the clock must stay between 1970 and 3000")
    return seconds


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LATEST:
        raise refuse("a number of seconds is needed")
    return value
