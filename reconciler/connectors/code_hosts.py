"""One comment on a pull request, kept up to date: GitHub and GitLab, through the part of their APIs that comments need.

Our comment begins with a marker that nobody sees, and was written by us: somebody else's comment that begins with it is left
alone, because its author could change what it says afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from reconciler import errors
from reconciler.connectors.answer import Response, json_list, json_object
from reconciler.connectors.http import HttpClient
from reconciler.connectors.secret import Secret
from reconciler.model.json import Json

PAGE = 100
MAX_PAGES = 100
READ_ONLY_TOKEN = frozenset({403, 404})
"""What a token gets that may not write here. GitHub says 404 where it does not want to say that something exists."""

TRIES = 3

Path = tuple[str, ...]
Query = tuple[tuple[str, str], ...]


class Comment(NamedTuple):
    id: str
    body: str
    mine: bool


class CodeHost(Protocol):
    """Comments of one pull or merge request. Raises `errors.RemoteError`; see `_checked`."""

    @property
    def name(self) -> str: ...

    def comments(self) -> Iterator[Comment]: ...

    def create(self, body: str) -> None: ...

    def update(self, id: str, body: str) -> None: ...


def put_comment(host: CodeHost, marker: str, body: str) -> str:
    """Create our comment, or update it. Returns `created`, `updated` or `unchanged`.

    Whether a lost request was carried out is found out by looking again, so there are never two comments.
    Raises `errors.RemoteError`: `errors.RemoteRefused` with a status of `READ_ONLY_TOKEN` when the token may not write.
    """
    text = f"{marker}\n{body}"
    attempt = 1
    while True:
        try:
            return _put(host, marker, text)
        except (errors.RemoteUnavailable, errors.RemoteRefused) as problem:
            if attempt == TRIES or not _worth_looking_again(problem):
                raise
        attempt += 1


def _worth_looking_again(problem: errors.RemoteError) -> bool:
    if isinstance(problem, errors.RemoteUnavailable):
        return problem.outcome_unknown
    return isinstance(problem, errors.RemoteRefused) and problem.code == "vanished"


def _put(host: CodeHost, marker: str, text: str) -> str:
    found = next((c for c in host.comments() if c.mine and c.body.startswith(marker)), None)
    if found is None:
        host.create(text)
        return "created"
    if _normal(found.body) == _normal(text):
        return "unchanged"
    host.update(found.id, text)
    return "updated"


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """`repository` is `owner/name`, `number` that of the pull request."""

    http: HttpClient
    token: Secret
    repository: str
    number: int
    name: str = "GitHub"

    def comments(self) -> Iterator[Comment]:
        login = self._login()
        for entry in _pages(self, self._comments, ()):
            user = json_object(entry.get("user") or {}, "the author of a comment")
            mine = user.get("login") == login if login else user.get("type") == "Bot"
            yield Comment(str(entry.get("id")), str(entry.get("body") or ""), mine)

    @property
    def _issues(self) -> Path:
        return ("repos", *self.repository.split("/"), "issues")

    @property
    def _comments(self) -> Path:
        return (*self._issues, str(self.number), "comments")

    def _login(self) -> str | None:
        """Who we are. None for the token of a workflow, which may not ask: it is a bot's, and what people write is not."""
        answer = self.call("GET", ("user",))
        if answer.status in READ_ONLY_TOKEN:
            return None
        return str(json_object(_checked(self, answer).json(), "the user").get("login"))

    def create(self, body: str) -> None:
        _checked(self, self.call("POST", self._comments, json={"body": body}))

    def update(self, id: str, body: str) -> None:
        _checked(self, self.call("PATCH", (*self._issues, "comments", id), json={"body": body}), known=True)

    def call(self, method: str, path: Path, *, query: Query = (), json: Json = None) -> Response:
        headers: Mapping[str, str | Secret] = {
            "Authorization": Secret(f"Bearer {self.token.reveal()}"),
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return self.http.request(
            method, path, query=query, json=json, headers=headers, idempotent=method != "POST", throttled=_throttled
        )


def _throttled(answer: Response) -> bool:
    """GitHub also says 403 where it means 429."""
    spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    return answer.status == 403 and spent


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLab:
    """`project` is the number or path of the project, `number` the one that the merge request has within it."""

    http: HttpClient
    token: Secret
    project: str
    number: int
    name: str = "GitLab"

    def comments(self) -> Iterator[Comment]:
        answer = _checked(self, self.call("GET", ("user",)))
        me = json_object(answer.json(), "the user").get("id")
        for entry in _pages(self, self._notes, (("order_by", "created_at"), ("sort", "asc"))):
            author = json_object(entry.get("author") or {}, "the author of a note")
            yield Comment(str(entry.get("id")), str(entry.get("body") or ""), author.get("id") == me)

    @property
    def _notes(self) -> Path:
        return ("projects", self.project, "merge_requests", str(self.number), "notes")

    def create(self, body: str) -> None:
        _checked(self, self.call("POST", self._notes, json={"body": body}))

    def update(self, id: str, body: str) -> None:
        _checked(self, self.call("PUT", (*self._notes, id), json={"body": body}), known=True)

    def call(self, method: str, path: Path, *, query: Query = (), json: Json = None) -> Response:
        headers = {"PRIVATE-TOKEN": self.token}
        return self.http.request(method, path, query=query, json=json, headers=headers, idempotent=method != "POST")


def _pages(host: GitHub | GitLab, path: Path, query: Query) -> Iterator[Mapping[str, Json]]:
    for page in range(1, MAX_PAGES + 1):
        more = (*query, ("per_page", str(PAGE)), ("page", str(page)))
        answer = _checked(host, host.call("GET", path, query=more))
        entries = json_list(answer.json(), "the comments")
        yield from (json_object(entry, "a comment") for entry in entries)
        if len(entries) < PAGE:
            return


def _checked(host: CodeHost, answer: Response, *, known: bool = False) -> Response:
    """Raises `errors.RemoteRefused` for anything but success; with the code `vanished` for what was `known` to be there."""
    if answer.ok:
        return answer
    if answer.status == 401:
        raise errors.AuthenticationFailed(
            f"{host.name} does not know the token", hint="look at whether it is complete, and not expired"
        )
    why = "; the token may not write comments here" if answer.status in READ_ONLY_TOKEN else ""
    raise errors.RemoteRefused(
        f"{host.name} refused the comment (HTTP {answer.status}){why}",
        hint="the job needs the permission to write comments; the plan is in its log",
        status=answer.status,
        code="vanished" if known and answer.status == 404 else None,
    )
