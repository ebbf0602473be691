"""What the HTTP client sends over the wire: one attempt of a request, within its time.

It sits on the transport below httpx2, which sends a request target exactly as it is given (a value in a path must arrive as
it was encoded), follows no redirects, reads no proxy settings from the environment and keeps no cookies.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpcore2

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.answer import API_HINT, Response
from reconciler.connectors.attempt import Prepared, Trouble, plain
from reconciler.connectors.network import AddressPolicy, Exchange, NameNotResolved, Network
from reconciler.connectors.pool import ConnectionStack
from reconciler.connectors.urls import Origin

KEEPALIVE = 30.0
"""Seconds that an idle connection is kept: less than servers do, so that it is seldom closed under a request."""

MIB = 1024 * 1024


class Transport:
    """Connections to one origin, kept for a while. Thread-safe; `HttpClient` says what its numbers mean.

    Raises `errors.AddressRefused` when the certificate authorities to trust cannot be loaded.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        clock: Clock,
        connections: int,
        allow_loopback: bool,
        allow_private: bool,
        total_timeout: float,
        max_body: int,
    ) -> None:
        self._origin = httpcore2.Origin(origin.scheme.encode(), origin.host.encode(), origin.port)
        self._host = origin.host
        self._clock = clock
        self._total_timeout = total_timeout
        self._max_body = max_body
        self._exchange = Exchange()
        secure = origin.scheme == "https"
        policy = AddressPolicy(secure=secure, allow_loopback=allow_loopback, allow_private=allow_private)
        self._network = Network(policy, self._exchange, clock)
        self._context = _trusted() if secure else None
        self._pool = ConnectionStack(self._connection, connections)

    def _connection(self) -> httpcore2.HTTPConnection:
        return httpcore2.HTTPConnection(
            self._origin, ssl_context=self._context, keepalive_expiry=KEEPALIVE, network_backend=self._network
        )

    @property
    def status(self) -> int:
        """The status that this thread's last attempt was answered with; 0 when no answer came."""
        return self._exchange.status

    def close(self) -> None:
        self._pool.close()

    def transfer(self, prepared: Prepared) -> Response | Trouble | None:
        """The answer, or why there is none; None for an answer that is not HTTP.

        Returned and not raised: a foreign error must not travel along as the context of ours, because the frames that it holds
        hold the headers of the request.
        """
        self._exchange.begin(self._clock.monotonic() + self._total_timeout)
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

    def _failed(self, text: str) -> Trouble:
        return Trouble(text, refused=not self._exchange.sent)

    def _send(self, prepared: Prepared) -> Response:
        with self._pool.connection(self._total_timeout) as connection:
            return self._receive(connection.handle_request(self._raw_request(prepared)))

    def _raw_request(self, prepared: Prepared) -> httpcore2.Request:
        body = prepared.body()
        headers = [(name, plain(text)) for name, text in prepared.headers]
        if body or prepared.method != "GET":
            headers.append(("Content-Length", str(len(body))))
        origin = self._origin
        url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=prepared.target)
        return httpcore2.Request(prepared.method, url, headers=headers, content=body)

    def _receive(self, raw: httpcore2.Response) -> Response:
        self._exchange.status = raw.status
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw.headers}
            self._check_head(raw.status, headers)
            return Response(status=raw.status, headers=headers, body=self._body(raw))
        finally:
            raw.close()

    def _check_head(self, status: int, headers: Mapping[str, str]) -> None:
        if status < 200 or 300 <= status < 400:
            raise errors.RemoteMalformed(f"{self._host} answered with a redirect (HTTP {status})", hint=API_HINT)
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise errors.RemoteMalformed(f"{self._host} sent an encoded answer although none was asked for")
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
        return errors.RemoteMalformed(f"{self._host} sent an answer of more than {self._max_body / MIB:g} MiB")


def _trusted() -> ssl.SSLContext:
    try:
        return httpcore2.default_ssl_context()
    except OSError as error:
        why = error.strerror or type(error).__name__
    raise errors.AddressRefused(
        f"the certificate authorities to trust cannot be loaded: {why}",
        hint="correct SSL_CERT_FILE or SSL_CERT_DIR, or unset them for those of the system",
    )
