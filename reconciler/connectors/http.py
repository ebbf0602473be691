"""The one HTTP client: bounded in time, size and tries, and talking only to the host of its connection.

It sits on the transport below httpx2, which sends a request target exactly as it is given (a value in a path must arrive as
it was encoded), follows no redirects, reads no proxy settings from the environment and keeps no cookies.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple
from urllib.parse import quote, urlencode

import httpcore2
import orjson

from reconciler import __version__, errors, failpoints
from reconciler.clock import Clock, Waiting, chance, unseen
from reconciler.connectors import backoff
from reconciler.connectors.answer import API_HINT, Response
from reconciler.connectors.base import Budget
from reconciler.connectors.network import AddressPolicy, Exchange, NameNotResolved, Network
from reconciler.connectors.pool import ConnectionStack
from reconciler.connectors.secret import Secret
from reconciler.connectors.urls import Target, encode_segment, host_header, origin_of
from reconciler.failpoints import Step
from reconciler.model.json import Json

MIB = 1024 * 1024
KEEPALIVE = 30.0
"""Seconds that an idle connection is kept: less than servers do, so that it is seldom closed under a request."""

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

Text = str | Secret


class Call(NamedTuple):
    """One attempt, as an observer sees it. `status` is 0 when no answer came."""

    method: str
    status: int
    seconds: float


class _Trouble(NamedTuple):
    """Why an attempt has to be repeated or given up. `refused`: the request was surely not carried out."""

    text: str
    refused: bool
    retry_after: float | None = None
    throttled: bool = False
    status: int = 0


class _Prepared(NamedTuple):
    method: str
    url: httpcore2.URL
    headers: list[tuple[str, Text]]
    body: Callable[[], bytes]


class HttpClient:
    """Sends requests to one base URL. Thread-safe; `connections` requests may be under way at once.

    `budget` is asked before every attempt. `stop` ends every wait with `errors.Interrupted`. `total_timeout` (seconds) covers
    one attempt from connect to the last byte; `max_body` is in bytes. `waiting` is told of waits that the remote asks for.
    """

    def __init__(
        self,
        base_url: str,
        *,
        budget: Budget,
        clock: Clock,
        stop: threading.Event,
        connections: int,
        allow_loopback: bool,
        allow_private: bool = False,
        total_timeout: float = 60.0,
        max_body: int = 32 * MIB,
        attempts: int = 5,
        random: Callable[[], float] = chance,
        observer: Callable[[Call], None] | None = None,
        waiting: Waiting = unseen,
    ) -> None:
        self._origin, self._prefix = origin_of(base_url)
        self._budget = budget
        self._clock = clock
        self._stop = stop
        self._total_timeout = total_timeout
        self._max_body = max_body
        self._attempts = attempts
        self._random = random
        self._observer = observer
        self._waiting = waiting
        self._exchange = Exchange()
        policy = AddressPolicy(secure=self.secure, allow_loopback=allow_loopback, allow_private=allow_private)
        self._pool = self._make_pool(connections, policy)
        self._calls = 0
        self._lock = threading.Lock()

    def _make_pool(self, connections: int, policy: AddressPolicy) -> ConnectionStack:
        network = Network(policy, self._exchange, self._clock)
        context = httpcore2.default_ssl_context() if self.secure else None

        def connection() -> httpcore2.HTTPConnection:
            return httpcore2.HTTPConnection(
                self._origin, ssl_context=context, keepalive_expiry=KEEPALIVE, network_backend=network
            )

        return ConnectionStack(connection, connections)

    @property
    def secure(self) -> bool:
        return self._origin.scheme == b"https"

    @property
    def host(self) -> str:
        return self._origin.host.decode()

    @property
    def calls(self) -> int:
        """Attempts sent so far."""
        return self._calls

    def close(self) -> None:
        self._pool.close()

    def request(
        self,
        method: str,
        segments: Sequence[str] | str | Target,
        *,
        query: Sequence[tuple[str, str]] = (),
        json: Json = None,
        form: Sequence[tuple[str, Text]] | None = None,
        headers: Mapping[str, Text] | None = None,
        idempotent: bool,
        attempts: int | None = None,
        throttled: Callable[[Response], bool] | None = None,
    ) -> Response:
        """Send a request, again where that is safe, and return its answer: any status that is not transient.

        `segments` are the parts of the path, each encoded on its own; a text is split at its slashes; a `Target` is sent as it
        is. `throttled` recognises a refusal for too many calls that has another status than 429. Raises
        `errors.RemoteUnavailable`, `RemoteMalformed`, `AddressRefused`, `Interrupted`.
        """
        prepared = self._prepare(method, self._target(segments, query), json, form, headers or {})
        limit = attempts or self._attempts
        unknown, attempt = False, 0
        while True:
            attempt += 1
            if self._stop.is_set():
                raise errors.Interrupted
            self._budget.acquire(self._stop)
            outcome = self._attempt(prepared, throttled)
            if isinstance(outcome, Response):
                return outcome
            unknown = unknown or not outcome.refused
            if attempt >= limit or not (idempotent or outcome.refused):
                raise self._unavailable(outcome, attempt, unknown)
            self._pause(outcome, backoff.delay(attempt, outcome.retry_after, self._random))

    def rest(self, seconds: float) -> None:
        """Wait before the next request, because the remote needs time. Raises `errors.Interrupted`."""
        if self._clock.wait(seconds, self._stop):
            raise errors.Interrupted

    def _pause(self, trouble: _Trouble, seconds: float) -> None:
        asked = trouble.throttled or trouble.retry_after is not None
        waiting = self._waiting("rate limited" if trouble.throttled else "asked to wait", seconds)
        with waiting if asked else nullcontext():
            stopped = self._clock.wait(seconds, self._stop)
        if stopped:
            raise errors.Interrupted

    def _unavailable(self, trouble: _Trouble, attempts: int, unknown: bool) -> errors.RemoteUnavailable:
        tried = "" if attempts == 1 else f", {attempts} times"
        return errors.RemoteUnavailable(
            f"{self.host}: {trouble.text}{tried}",
            hint="check the address of the connection and the network, or try again later",
            outcome_unknown=unknown,
            status=trouble.status,
        )

    # ---- building

    def _target(self, segments: Sequence[str] | str | Target, query: Sequence[tuple[str, str]]) -> bytes:
        if isinstance(segments, Target):
            return segments.text.encode("ascii")
        parts = segments.strip("/").split("/") if isinstance(segments, str) else segments
        path = self._prefix + "".join(f"/{encode_segment(part)}" for part in parts)
        return (f"{path}?{urlencode(query, quote_via=quote)}" if query else path).encode("ascii")

    def _prepare(
        self,
        method: str,
        target: bytes,
        json: Json,
        form: Sequence[tuple[str, Text]] | None,
        headers: Mapping[str, Text],
    ) -> _Prepared:
        origin = self._origin
        fixed: list[tuple[str, Text]] = [
            ("Host", host_header(origin)),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"reconcile/{__version__}"),
        ]
        body: Callable[[], bytes] = bytes
        if form is not None:
            fixed.append(("Content-Type", "application/x-www-form-urlencoded"))
            body = lambda: urlencode([(name, _plain(text)) for name, text in form]).encode()  # noqa: E731
        elif json is not None:
            fixed.append(("Content-Type", "application/json"))
            body = lambda: orjson.dumps(json)  # noqa: E731
        url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=target)
        return _Prepared(method, url, [*fixed, *headers.items()], body)

    # ---- sending

    def _attempt(self, prepared: _Prepared, throttled: Callable[[Response], bool] | None) -> Response | _Trouble:
        started = self._clock.monotonic()
        self._exchange.begin(started + self._total_timeout)
        with self._lock:
            self._calls += 1
        try:
            answer = self._transfer(prepared)
        finally:
            if self._observer is not None:
                self._observer(Call(prepared.method, self._exchange.status, self._clock.monotonic() - started))
        failpoints.reached(Step.CALL_ANSWERED)
        if answer is None:
            raise errors.RemoteMalformed(f"{self.host} does not answer in valid HTTP", hint=API_HINT)
        return self._judged(answer, throttled) if isinstance(answer, Response) else answer

    def _transfer(self, prepared: _Prepared) -> Response | _Trouble | None:
        """The answer, or why there is none; None for an answer that is not HTTP.

        Returned and not raised: a foreign error must not travel along as the context of ours, because the frames that it holds
        hold the headers of the request.
        """
        try:
            return self._send(prepared)
        except httpcore2.RemoteProtocolError:
            return self._failed("closed the connection too early") if self._exchange.peer_closed else None
        except NameNotResolved:
            return self._failed("the name cannot be resolved")
        except httpcore2.ConnectError:
            return self._failed("no connection can be made")
        except httpcore2.TimeoutException:
            return self._failed(f"no complete answer within {self._total_timeout:g} s")
        except httpcore2.NetworkError:
            return self._failed("the connection broke")

    def _failed(self, text: str) -> _Trouble:
        return _Trouble(text, refused=not self._exchange.sent)

    def _send(self, prepared: _Prepared) -> Response:
        with self._pool.connection(self._total_timeout) as connection:
            return self._receive(connection.handle_request(self._raw_request(prepared)))

    def _receive(self, raw: httpcore2.Response) -> Response:
        self._exchange.status = raw.status
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw.headers}
            self._check_head(raw.status, headers)
            return Response(status=raw.status, headers=headers, body=self._body(raw))
        finally:
            raw.close()

    def _raw_request(self, prepared: _Prepared) -> httpcore2.Request:
        body = prepared.body()
        headers = [(name, _plain(text)) for name, text in prepared.headers]
        if body or prepared.method != "GET":
            headers.append(("Content-Length", str(len(body))))
        return httpcore2.Request(prepared.method, prepared.url, headers=headers, content=body)

    def _check_head(self, status: int, headers: Mapping[str, str]) -> None:
        if status < 200 or 300 <= status < 400:
            raise errors.RemoteMalformed(f"{self.host} answered with a redirect (HTTP {status})", hint=API_HINT)
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise errors.RemoteMalformed(f"{self.host} sent an encoded answer although none was asked for")
        declared = headers.get("content-length", "0")
        if declared.isascii() and declared.isdecimal() and int(declared[:20]) > self._max_body:
            raise self._too_large()

    def _body(self, raw: httpcore2.Response) -> bytes:
        body = bytearray()
        for chunk in raw.iter_stream():
            body += chunk
            if len(body) > self._max_body:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> errors.RemoteMalformed:
        return errors.RemoteMalformed(f"{self.host} sent an answer of more than {self._max_body / MIB:g} MiB")

    def _judged(self, answer: Response, throttled: Callable[[Response], bool] | None) -> Response | _Trouble:
        too_many = answer.status == 429 or (throttled is not None and throttled(answer))
        if not too_many and answer.status not in TRANSIENT:
            return answer
        wait = backoff.retry_after(answer.headers, self._clock.now())
        if not too_many:
            return _Trouble(f"answered HTTP {answer.status}", False, wait, status=answer.status)
        self._budget.throttled(wait)
        return _Trouble("allows no more calls at the moment", True, wait, throttled=True, status=answer.status)


def _plain(text: Text) -> str:
    return text.reveal() if isinstance(text, Secret) else text
