"""A small community on loopback, in memory, with switches for what real ones may do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from reconciler.connectors.gainsight_cc.client import CcClient
from reconciler.model.outcome import Write
from reconciler.model.resources import (
    CC_RATE_LIMIT,
    CcConnection,
    ProfileField,
    ProfileFieldType,
    SecretRef,
    Visibility,
)
from tests.connectors.servers import Answer, FakeClock, Request, client, reply

CLIENT_ID = "client-1"
CLIENT_SECRET = "canary-secret-c0ffee"


class Pass:
    """What a hook returns for a request that it leaves to the community."""


PASS = Pass()

Hook = Callable[[Request], Answer | Pass]


@dataclass(slots=True)
class Community:
    """Users by id, each with profile values by field name, and the fields that exist."""

    users: dict[int, dict[str, str]]
    fields: set[str] = field(default_factory=lambda: {"Job Title", "Company"})
    slashes: bool = True
    prefix: str = "/api1"
    tokens: int = 0
    life: object = 7200
    valid: set[str] = field(default_factory=set)
    hook: Hook = field(default=lambda _: PASS)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Answer:
        hooked = self.hook(request)
        if not isinstance(hooked, Pass):
            return hooked
        with self.lock:
            if request.target == "/oauth2/token":
                return self._token(request)
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
                return reply(401, {"message": "Unauthorized"})
            return self._route(request)

    def expire(self) -> None:
        with self.lock:
            self.valid.clear()

    def _token(self, request: Request) -> Answer:
        form = parse_qs(request.body.decode())
        if (form.get("client_id"), form.get("client_secret")) != ([CLIENT_ID], [CLIENT_SECRET]):
            return reply(401, {"error": "invalid_client", "error_description": CLIENT_SECRET})
        assert form["scope"] == ["read write"]
        assert form["grant_type"] == ["client_credentials"]
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.valid.add(token)
        return reply(200, {"token_type": "bearer", "access_token": token, "expires_in": self.life})

    def _route(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        path = url.path.replace("%2F", "/") if not self.slashes else url.path
        parts = [unquote(part) for part in path.removeprefix(f"{self.prefix}/user").split("/")[1:]]
        match request.method, parts:
            case "GET", []:
                return self._list({name: values[0] for name, values in parse_qs(url.query).items()})
            case "GET", [user] if int(user) in self.users:
                return reply(200, user_body(int(user), self.users[int(user)]))
            case "PUT", [user, "profile_field", name, value] if int(user) in self.users and name in self.fields:
                self.users[int(user)][name] = value
                return reply(200, {"result": found_by(int(user), self.users[int(user)])})
        return reply(404, {"message": "Not Found"})

    def _list(self, query: dict[str, str]) -> Answer:
        assert query["_returnIterable"] == "1"
        page, size = int(query["page"]), int(query["pageSize"])
        ids = sorted(self.users)[(page - 1) * size : page * size]
        return reply(200, {"users": [item(one) for one in ids], "statistics": {"count": len(self.users)}})


def item(user: int) -> dict[str, Any]:
    return {"userid": user, "username": f"user {user}", "email": f"u{user}@x.example", "joindate": 1710000000}


def user_body(user: int, values: dict[str, str]) -> dict[str, Any]:
    fields = [
        {"id": number, "userid": user, "profilefieldid": number, "value": value, "profilefield_name": name}
        for number, (name, value) in enumerate(values.items(), 5)
    ]
    return {**item(user), "_related": {"userprofilefields": fields, "badges": []}}


def found_by(user: int, values: dict[str, str]) -> dict[str, Any]:
    fields = [{"name": name, "NormalizedValue": value} for name, value in values.items()]
    return {**item(user), "joindate": "2026-01-01T00:00:00+00:00", "profileFields": fields}


def connection(*declared: str, **changes: Any) -> CcConnection:
    settings: dict[str, Any] = {
        "name": "acme-community",
        "tenant": "acme-en",
        "region": "eu-west-1",
        "base_url": None,
        "client_id": SecretRef(source="env", name="ID"),
        "client_secret": SecretRef(source="env", name="SECRET"),
        "sso": True,
        "connected_to": "acme-cs",
        "active": True,
        "profile_fields": tuple(
            ProfileField(name=name, type=ProfileFieldType.TEXT, visibility=Visibility.PRIVATE) for name in declared
        ),
        "rate_limit": CC_RATE_LIMIT,
        "concurrency": 8,
        "path_prefix": "/api1",
    }
    return CcConnection(**{**settings, **changes})


def cc(
    url: str, *declared: str, secret: str = CLIENT_SECRET, path_prefix: str = "/api1", **options: Any
) -> closing[CcClient]:
    """A client of the community at `url`, closed at the end of a `with`."""
    clock = options.setdefault("clock", FakeClock())
    bytes_allowed = options.pop("max_value_bytes", 2000)
    http = client(url, **options)
    made = CcClient(
        connection(*declared, path_prefix=path_prefix),
        CLIENT_ID,
        secret,
        http=http,
        clock=clock,
        max_value_bytes=bytes_allowed,
    )
    return closing(made)


def write(user: int | str, value: str, name: str = "Job Title") -> Write:
    return Write(key=str(user), label=f"user {user}", item=name, before=None, value=value)
