"""A client that hides nothing: it sends the path as given and hands back status, headers and bytes."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from reconciler.sandbox import Sandbox

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Remote:
    def __init__(self, sandbox: Sandbox) -> None:
        self._hosts = {"cs": urlsplit(sandbox.cs_url).netloc, "cc": urlsplit(sandbox.cc_url).netloc}
        self._open = {name: http.client.HTTPConnection(host, timeout=20) for name, host in self._hosts.items()}
        self._tokens: dict[int, str] = {}

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for connection in self._open.values():
            connection.close()

    def send(
        self, side: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = self._open[side]
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        try:
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=found, body=response.read())
        except BaseException:
            connection.close()
            raise

    def cs(self, method: str, path: str, body: Any = None) -> Answer:
        return self.send("cs", method, path, body, {"Accesskey": "sandbox-access-key"})

    def query(self, name: str, select: list[str], *conditions: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"select": select, **more}
        if conditions:
            body["where"] = {"conditions": list(conditions)}
        answer = self.cs("POST", f"/v1/data/objects/query/{name}", body)
        assert answer.status == 200, answer.body
        return answer.json["data"]["records"]

    def token(self, community: int = 1, scope: str = "read write") -> str:
        client = "sandbox-client" if community == 1 else f"sandbox-client-{community}"
        form = f"grant_type=client_credentials&client_id={client}&client_secret=sandbox-secret"
        form += f"&scope={scope.replace(' ', '+')}" if scope else ""
        answer = self.send("cc", "POST", "/oauth2/token", form.encode(), {"Content-Type": FORM})
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def cc(self, method: str, path: str, body: Any = None, community: int = 1) -> Answer:
        if community not in self._tokens:
            self._tokens[community] = self.token(community)
        return self.send("cc", method, path, body, {"Authorization": f"bearer {self._tokens[community]}"})

    def control(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = self.send("cc", method, f"/_sandbox/{path}", body)
        assert answer.status == expect, answer.body
        if path == "reset":
            self._tokens.clear()
        return answer.json

    def members(self, community: int = 1) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            path = f"/api1/user?_returnIterable=1&pageSize=100&page={page}"
            users = self.cc("GET", path, community=community).json["users"]
            found += users
            page += 1
            if len(users) < 100:
                return found
