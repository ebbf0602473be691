"""The sandbox as a test sees it: both systems through their APIs, and the hands of an admin in each of them."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from reconciler.sandbox import Sandbox

KEY, SECRET = "sandbox-access-key", "sandbox-secret"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Written(NamedTuple):
    """One value that a community accepted."""

    user: str
    field: str
    value: str


class World:
    """A running sandbox. Everything here is plain HTTP and knows nothing of the program under test."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.cs_url, self.cc_url = sandbox.cs_url, sandbox.cc_url
        self._tokens: dict[int, str] = {}
        self._since = 0

    # ---- transport

    def send(
        self, url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and decoded body (None where it is no JSON) of one request."""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, data = self.send(self.cc_url, method, f"/_sandbox/{path}", body)
        assert status < 300, (method, path, status, data)
        return data

    # ---- switches, faults, logs

    def reset(self) -> None:
        """Everything as it was at the start; limits off, because most tests are not about them."""
        self.control("POST", "reset")
        self.control("POST", "switches", {"rate_limit": False})
        self._tokens.clear()
        self._since = self.control("GET", "state")["last_write"]

    def switch(self, **values: object) -> None:
        self.control("POST", "switches", values)

    def fault(self, action: dict[str, Any], **where: object) -> None:
        """A fault at the side of the community unless `where` says otherwise."""
        self.control("POST", "faults", {"side": "cc", **where, "action": action})

    def heal(self) -> None:
        self.control("DELETE", "faults")

    def hits(self) -> int:
        """Requests that a fault struck."""
        return sum(fault["hits"] for fault in self.control("GET", "faults")["faults"])

    def new_writes(self, community: int = 1) -> list[Written]:
        """Values that a community accepted since the last time this was asked, of all communities."""
        data = self.control("GET", f"writes?since={self._since}&limit=10000")
        self._since = data["last"]
        return [
            Written(str(entry["subject"]), entry["field"], entry["value"])
            for entry in data["writes"]
            if entry["side"] == "cc" and entry["community"] == community and entry["field"] and entry["value"]
        ]

    def calls(self) -> Counter[tuple[str, str]]:
        """Requests since `forget_calls`, by (method, first words of the path)."""
        listed = self.control("GET", "requests?limit=10000")["requests"]
        return Counter((entry["method"], _route(entry["raw_path"])) for entry in listed)

    def forget_calls(self) -> None:
        self.control("DELETE", "requests")

    # ---- Gainsight CS

    def query(self, name: str, fields: Sequence[str]) -> list[dict[str, Any]]:
        """All records of an object, through the real query API."""
        body = {"select": list(fields), "limit": 5000, "orderBy": {"Gsid": "asc"}}
        status, data = self.send(self.cs_url, "POST", f"/v1/data/objects/query/{name}", body, {"Accesskey": KEY})
        assert status == 200, data
        return list(data["data"]["records"])

    def edit(self, name: str, email: str, **values: object) -> None:
        """Change attributes of a person, or of all company persons of a person."""
        self.control("PATCH", f"cs/{name}?email={quote(email)}", values)

    def add_person(self, email: str, **values: object) -> None:
        self.control("POST", "cs/person", {"Email": email, **values})

    def remove_person(self, email: str) -> None:
        self.control("DELETE", f"cs/person?email={quote(email)}")

    # ---- the community

    def members(self, community: int = 1) -> list[dict[str, Any]]:
        """Every member with the values of its profile, by user id."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["userid"] if found else 0
            page = self.control("GET", f"cc/{community}/members?limit=1000&after={after}")["members"]
            found += page
            if len(page) < 1000:
                return found

    def member(self, email: str, community: int = 1) -> dict[str, Any]:
        found = self.control("GET", f"cc/{community}/members?email={quote(email)}")["members"]
        assert len(found) == 1, email
        return dict(found[0])

    def add_member(self, email: str, community: int = 1, **more: object) -> dict[str, Any]:
        return dict(self.control("POST", f"cc/{community}/members", {"email": email, **more}))

    def erase(self, userid: object, community: int = 1) -> None:
        self.control("DELETE", f"cc/{community}/members/{userid}")

    def profile(self, userid: object, community: int = 1) -> dict[str, str]:
        """The profile of a user, read back through the community's own API."""
        status, user = self._cc("GET", f"/api1/user/{userid}", community)
        assert status == 200, user
        return {entry["profilefield_name"]: entry["value"] for entry in user["_related"]["userprofilefields"]}

    def profiles(self, community: int = 1) -> dict[tuple[str, str], str]:
        """(user id, profile field) → value, of every member."""
        return {
            (str(member["userid"]), field): value
            for member in self.members(community)
            for field, value in member["profile"].items()
        }

    def rename_field(self, before: str, after: str, community: int = 1) -> None:
        self.control("PATCH", f"cc/{community}/fields/{quote(before)}", {"name": after})

    def _cc(self, method: str, path: str, community: int) -> tuple[int, Any]:
        if community not in self._tokens:
            self._tokens[community] = self._token(community)
        return self.send(self.cc_url, method, path, None, {"Authorization": f"Bearer {self._tokens[community]}"})

    def _token(self, community: int) -> str:
        client = "sandbox-client" if community == 1 else f"sandbox-client-{community}"
        grant = {"grant_type": "client_credentials", "client_id": client, "client_secret": SECRET}
        form = urlencode({**grant, "scope": "read write"}).encode()
        status, data = self.send(self.cc_url, "POST", "/oauth2/token", form, FORM)
        assert status == 200, data
        return str(data["access_token"])


def _route(raw_path: str) -> str:
    """`/api1/user/7/profile_field/X/y` → `profile_field`; lists and queries by their object."""
    path = raw_path.partition("?")[0]
    if "/profile_field/" in path:
        return "profile_field"
    if path.startswith("/api1/user/"):
        return "user"
    return path


def running(sandbox: Sandbox) -> Iterator[World]:
    with sandbox:
        world = World(sandbox)
        world.reset()
        yield world
