"""The one HTTP client: bounded in time, size and tries, and talking only to the host of its connection.

What goes over the wire is the business of `transport`, which is imported for the first request: loading it takes longer than
the rest of a cycle in which nothing changed and no call is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from reconciler import __version__, errors, failpoints
from reconciler.clock import Clock, Waiting, chance, unseen
from reconciler.connectors import backoff
from reconciler.connectors.answer import API_HINT, Response
from reconciler.connectors.attempt import Prepared, Text, Trouble, plain
from reconciler.connectors.base import Budget
from reconciler.connectors.urls import Target, encode_segment, host_header, origin_of
from reconciler.failpoints import Step
from reconciler.model.json import Json

if TYPE_CHECKING:
    from reconciler.connectors.transport import Transport

MAX_BODY = 32 * 1024 * 1024

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Call(NamedTuple):
    """One attempt, as an observer sees it. `status` is 0 when no answer came."""

    method: str
    status: int
    seconds: float


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
        max_body: int = MAX_BODY,
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
        self._connections = connections
        self._allow_loopback = allow_loopback
        self._allow_private = allow_private
        self._transport: Transport | None = None
        self._closed = False
        self._calls = 0
        self._lock = threading.Lock()

    @property
    def secure(self) -> bool:
        return self._origin.scheme == "https"

    @property
    def host(self) -> str:
        return self._origin.host

    @property
    def calls(self) -> int:
        """Attempts sent so far."""
        return self._calls

    def close(self) -> None:
        with self._lock:
            self._closed = True
            transport = self._transport
        if transport is not None:
            transport.close()

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

    def _pause(self, trouble: Trouble, seconds: float) -> None:
        asked = trouble.throttled or trouble.retry_after is not None
        waiting = self._waiting("rate limited" if trouble.throttled else "asked to wait", seconds)
        with waiting if asked else nullcontext():
            stopped = self._clock.wait(seconds, self._stop)
        if stopped:
            raise errors.Interrupted

    def _unavailable(self, trouble: Trouble, attempts: int, unknown: bool) -> errors.RemoteUnavailable:
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
    ) -> Prepared:
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
            body = lambda: urlencode([(name, plain(text)) for name, text in form]).encode()  # noqa: E731
        elif json is not None:
            fixed.append(("Content-Type", "application/json"))
            body = lambda: orjson.dumps(json)  # noqa: E731
        return Prepared(method, target, [*fixed, *headers.items()], body)

    # ---- sending

    def _attempt(self, prepared: Prepared, throttled: Callable[[Response], bool] | None) -> Response | Trouble:
        transport = self._wire()
        with self._lock:
            self._calls += 1
        started = self._clock.monotonic()
        try:
            answer = transport.transfer(prepared)
        finally:
            if self._observer is not None:
                self._observer(Call(prepared.method, transport.status, self._clock.monotonic() - started))
        failpoints.reached(Step.CALL_ANSWERED)
        if answer is None:
            raise errors.RemoteMalformed(f"{self.host} does not answer in valid HTTP", hint=API_HINT)
        return self._judged(answer, throttled) if isinstance(answer, Response) else answer

    def _wire(self) -> Transport:
        """The transport, made by whoever is the first to need it."""
        with self._lock:
            if self._transport is None:
                from reconciler.connectors.transport import Transport

                self._transport = Transport(
                    self._origin,
                    clock=self._clock,
                    connections=self._connections,
                    allow_loopback=self._allow_loopback,
                    allow_private=self._allow_private,
                    total_timeout=self._total_timeout,
                    max_body=self._max_body,
                )
                if self._closed:
                    self._transport.close()
            return self._transport

    def _judged(self, answer: Response, throttled: Callable[[Response], bool] | None) -> Response | Trouble:
        too_many = answer.status == 429 or (throttled is not None and throttled(answer))
        if not too_many and answer.status not in TRANSIENT:
            return answer
        wait = backoff.retry_after(answer.headers, self._clock.now())
        if not too_many:
            return Trouble(f"answered HTTP {answer.status}", False, wait, status=answer.status)
        self._budget.throttled(wait)
        return Trouble("allows no more calls at the moment", True, wait, throttled=True, status=answer.status)
