"""The network below the HTTP client: which addresses a connection may reach, and one deadline over all that a request does.

An address is looked up once for each connection, every address found is checked, and the connection is made to a checked
address, so a name that changes its mind between check and connect gains nothing.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpcore2

from reconciler import errors
from reconciler.clock import Clock

CONNECT_TIMEOUT = 10.0
"""Seconds for one TCP connection, within the total deadline."""

LOOPBACK_HINT = "for a sandbox on this machine set RECONCILE_ALLOW_LOOPBACK=1"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class NameNotResolved(httpcore2.ConnectError):
    """The name service does not know the host."""


class Exchange(threading.local):
    """What happened so far in the request that this thread is busy with."""

    deadline: float = 0.0
    sent: bool = False
    peer_closed: bool = False
    status: int = 0

    def begin(self, deadline: float) -> None:
        self.deadline = deadline
        self.sent = False
        self.peer_closed = False
        self.status = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """https to public addresses. Loopback, over either scheme, only where the operator allowed it.

    `allow_private` is for servers whose address does not come from the configuration: a git server is often within the
    company's network.
    """

    secure: bool
    allow_loopback: bool
    allow_private: bool = False

    def check_scheme(self) -> None:
        if not self.secure and not self.allow_loopback:
            raise errors.AddressRefused("plain http is refused", hint=f"use https; {LOOPBACK_HINT}")

    def check(self, host: str, address: Address) -> None:
        """Raises `errors.AddressRefused` when a connection must not be made to `address`."""
        if address.is_loopback and self.allow_loopback:
            return
        kind = why_not_public(address)
        if kind is not None and not (self.allow_private and kind in _INTERNAL):
            hint = LOOPBACK_HINT if address.is_loopback else "a connection must lead to a public address"
            raise errors.AddressRefused(f"{host} leads to {kind} address", hint=hint)
        if not self.secure:
            raise errors.AddressRefused(f"plain http to {host} is refused", hint="plain http is only for loopback")


def why_not_public(address: Address) -> str | None:
    """Which kind of address this is, with its article, when it is not a public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return "an IPv4-mapped"
        if address in _NAT64:
            return why_not_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.sixtofour is not None:
            return why_not_public(address.sixtofour)
    return _kind(address)


_INTERNAL = frozenset({"a private", "a site-local", "a shared (carrier-grade NAT)"})
"""Kinds of addresses that networks of companies have."""


def _kind(address: Address) -> str | None:
    kinds = (
        (address.is_unspecified, "an unspecified"),
        (address.is_loopback, "a loopback"),
        (address.is_link_local, "a link-local"),
        (address.is_multicast, "a multicast"),
        (address.is_private, "a private"),
        (address.is_reserved, "a reserved"),
        (isinstance(address, ipaddress.IPv6Address) and address.is_site_local, "a site-local"),
        (not address.is_global, "a shared (carrier-grade NAT)"),
    )
    return next((kind for holds, kind in kinds if holds), None)


Resolve = Callable[..., Iterable[tuple[Any, Any, Any, Any, Any]]]
"""`socket.getaddrinfo`, or what stands in for it."""


class _Endpoint(NamedTuple):
    family: int
    sockaddr: Any


class Network(httpcore2.NetworkBackend):
    """Connects to checked addresses; every stream it makes obeys the deadline of the thread that uses it."""

    def __init__(
        self, policy: AddressPolicy, exchange: Exchange, clock: Clock, resolve: Resolve = socket.getaddrinfo
    ) -> None:
        self._policy = policy
        self._exchange = exchange
        self._clock = clock
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        self._policy.check_scheme()
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout = NameNotResolved()
        for endpoint in self._endpoints(host, port):
            try:
                return _Stream(self._connect(endpoint), self._exchange, self._clock)
            except TimeoutError:
                failure = httpcore2.ConnectTimeout()
            except OSError:
                failure = httpcore2.ConnectError()
        raise failure

    def _endpoints(self, host: str, port: int) -> list[_Endpoint]:
        literal = _literal(host)
        try:
            found = self._resolve(literal or host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = ()
        endpoints = [_Endpoint(family, sockaddr) for family, _, _, _, sockaddr in found]
        for endpoint in endpoints:
            self._policy.check(host, ipaddress.ip_address(endpoint.sockaddr[0]))
        return endpoints

    def _connect(self, endpoint: _Endpoint) -> socket.socket:
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(min(CONNECT_TIMEOUT, _remaining(self._exchange, self._clock)))
            sock.connect(endpoint.sockaddr)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            sock.close()
            raise
        return sock


def _literal(host: str) -> str | None:
    """An IPv4 address in any spelling that the system takes (`127.1`, `0x7f000001`, `2130706433`), in the usual one."""
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except OSError:
        return None


def _remaining(exchange: Exchange, clock: Clock) -> float:
    """Seconds left for this request. Raises `TimeoutError` when there are none."""
    left = exchange.deadline - clock.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Stream(httpcore2.NetworkStream):
    """A socket whose every operation gets only what is left of the request's time."""

    def __init__(self, sock: socket.socket, exchange: Exchange, clock: Clock) -> None:
        self._sock = sock
        self._exchange = exchange
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(_remaining(self._exchange, self._clock))
            data = self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except OSError as error:
            raise httpcore2.ReadError from error
        self._exchange.peer_closed = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        try:
            while view:
                self._sock.settimeout(_remaining(self._exchange, self._clock))
                self._exchange.sent = True
                view = view[self._sock.send(view) :]
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        except OSError as error:
            raise httpcore2.WriteError from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            self._sock.settimeout(_remaining(self._exchange, self._clock))
            secured = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise errors.AddressRefused(
                f"the TLS certificate of {server_hostname} cannot be trusted: {error.verify_message}",
                hint="check the domain; a certificate authority of your own can be named with SSL_CERT_FILE",
            ) from None
        except TimeoutError as error:
            self.close()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            self.close()
            raise httpcore2.ConnectError from error
        return _Stream(secured, self._exchange, self._clock)

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """The two things that the connection pool asks: the TLS object, and whether an idle connection was closed."""
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        return _readable(self._sock) if info == "is_readable" else None


def _readable(sock: socket.socket) -> bool:
    descriptor = sock.fileno()
    if descriptor < 0:
        return True
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))
