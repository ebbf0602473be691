"""GitHub and GitLab, as far as comments of a pull request go: real HTTP on loopback, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.connectors.servers import Answer, Request, reply

TOKEN = "token-of-the-job-4711"

Hook = Callable[[Request], Answer | object]
PASS = object()
"""What a hook gives that does not want to answer itself."""


def _pass(request: Request) -> object:
    return PASS


@dataclass
class FakeHost:
    """Comments in the order in which they were made. `hook` may answer first. `me` is None where nobody may ask who they are."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    me: str | None = "reconcile"
    hook: Hook = _pass

    def add(self, body: str, author: str = "somebody", kind: str = "User") -> dict[str, Any]:
        made = {"id": len(self.comments) + 1, "body": body, **self.author(author, kind)}
        self.comments.append(made)
        return made

    def author(self, name: str, kind: str) -> dict[str, Any]:
        raise NotImplementedError

    def authorised(self, request: Request) -> bool:
        raise NotImplementedError

    def __call__(self, request: Request) -> Answer:
        answer = self.hook(request)
        if answer is not PASS:
            return answer  # type: ignore[return-value]
        if not self.authorised(request):
            return reply(401, {"message": "Bad credentials"})
        url = urlsplit(request.target)
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        if path[-1] == "user":
            return self.whoami()
        if request.method == "POST":
            return reply(201, self.add(request.json()["body"], self.me or "github-actions[bot]", self.kind))
        return self.page(url.query) if request.method == "GET" else self.edit(path[-1], request.json()["body"])

    def page(self, query: str) -> bytes:
        numbers = {name: int(values[0]) for name, values in parse_qs(query).items() if values[0].isdecimal()}
        start = (numbers["page"] - 1) * numbers["per_page"]
        return reply(200, self.comments[start : start + numbers["per_page"]])

    def edit(self, id: str, body: str) -> bytes:
        found = next((comment for comment in self.comments if str(comment["id"]) == id), None)
        if found is None:
            return reply(404, {"message": "Not Found"})
        found["body"] = body
        return reply(200, found)

    @property
    def kind(self) -> str:
        return "User" if self.me else "Bot"

    def whoami(self) -> bytes:
        raise NotImplementedError


class FakeGitHub(FakeHost):
    def author(self, name: str, kind: str) -> dict[str, Any]:
        return {"user": {"login": name, "type": kind}}

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def whoami(self) -> bytes:
        if self.me is None:
            return reply(403, {"message": "Resource not accessible by integration"})
        return reply(200, {"login": self.me, "type": "User"})


class FakeGitLab(FakeHost):
    def author(self, name: str, kind: str) -> dict[str, Any]:
        return {"author": {"id": name}, "system": False}

    def authorised(self, request: Request) -> bool:
        return request.headers.get("private-token") == TOKEN

    def whoami(self) -> bytes:
        return reply(200, {"id": self.me})
