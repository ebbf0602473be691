"""Git over https. The protocol is dulwich's; connections, deadlines, limits and redirects are ours.

Credentials go to one origin: that of the URL. Proxy variables, `.netrc` and git's own configuration are not looked at.
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

from dulwich.client import AbstractHttpGitClient

from reconciler import errors
from reconciler.config.git.address import Address
from reconciler.config.git.metering import Meter, Metered

_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
_DEFAULT_USER = "git"


class HttpClient(AbstractHttpGitClient):
    """Talks to one repository."""

    def __init__(self, address: Address, meter: Meter, username: str | None, token: str | None) -> None:
        host = f"[{address.host}]" if ":" in address.host else address.host
        netloc = host if address.port is None else f"{host}:{address.port}"
        super().__init__(f"{address.scheme}://{netloc}{address.path}", quiet=True)
        self._address = address
        self._meter = meter
        self._connections: list[_Connection] = []
        self._authorization = None
        if token is not None:
            pair = f"{username or _DEFAULT_USER}:{token}".encode()
            self._authorization = "Basic " + base64.b64encode(pair).decode()

    def _get_url(self, path: str | bytes) -> str:
        return self._base_url

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        body = data if isinstance(data, bytes) or data is None else b"".join(data)
        at = url
        for _ in range(_MAX_REDIRECTS + 1):
            self._check_origin(at)
            response = self._exchange(at, headers or {}, body)
            if response.status not in _REDIRECTS or body is not None:
                break
            at = urljoin(at, response.getheader("Location", ""))
        self._check_answer(response, advertisement=body is None)
        return _Answer(response, at if at != url else ""), response.read

    def hang_up(self) -> None:
        """Close every connection: the library leaves some open."""
        for connection in self._connections:
            connection.hang_up()

    def _exchange(self, url: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPResponse:
        connection = _Connection(self._address, self._meter)
        self._connections.append(connection)
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = {**headers, "User-Agent": "git/reconcile", "Pragma": "no-cache", "Connection": "close"}
        if self._authorization is not None:
            sent["Authorization"] = self._authorization
        try:
            connection.request("GET" if body is None else "POST", target, body=body, headers=sent)
            return connection.getresponse()
        except http.client.RemoteDisconnected:
            raise _unreachable(self._meter.shown, "closed the connection") from None
        except http.client.HTTPException:
            raise errors.RemoteMalformed(
                f"{self._meter.shown} does not answer as an HTTP server does", hint="does this port speak http?"
            ) from None

    def _check_origin(self, url: str) -> None:
        """Whatever leads elsewhere, a redirect or the protocol itself: no request goes there, so no credentials do."""
        try:
            same = _origin(url) == _origin(self._base_url)
            host = _origin(url)[1] or "an unreadable address"
        except ValueError:
            same, host = False, "an unreadable address"
        if not same:
            raise errors.RemoteRefused(
                f"the git server at {self._meter.shown} points to another one: {host}",
                hint="redirects to another server are not followed; if it has moved, correct spec.source.git",
            )

    def _check_answer(self, response: http.client.HTTPResponse, *, advertisement: bool) -> None:
        shown, status = self._meter.shown, response.status
        if status in (401, 403):
            given = "refuses the token" if self._authorization else "asks for credentials"
            raise errors.AuthenticationFailed(
                f"the git server at {shown} {given} (status {status})",
                hint="name a token that may read the repository with spec.source.token, and username if it needs one",
            )
        if status in (404, 410):
            raise errors.RemoteRefused(
                f"there is no git repository at this address of {shown}",
                hint="correct spec.source.git; a private repository may look absent to a token that cannot read it",
                status=status,
            )
        if status == 429 or status >= 500:
            raise _unreachable(shown, f"answered with status {status}")
        if status != 200:
            raise errors.RemoteRefused(
                f"the git server at {shown} answered with status {status}",
                hint="spec.source.git is the address that `git clone` takes",
                status=status,
            )
        if advertisement and not (response.getheader("Content-Type") or "").startswith(_ADVERTISEMENT):
            raise errors.RemoteMalformed(
                f"what answers at this address of {shown} is no git repository, or only an old-fashioned one",
                hint="spec.source.git is the address that `git clone` takes, not that of a web page",
            )


class _Answer:
    """A response as dulwich wants it."""

    def __init__(self, response: http.client.HTTPResponse, redirect: str) -> None:
        self.content_type = response.getheader("Content-Type")
        self.redirect_location = redirect

    def close(self) -> None:
        """Connections are closed together, at the end."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: Address, meter: Meter) -> None:
        super().__init__(address.host, address.port or (443 if address.secure else 80))
        self._address = address
        self._meter = meter
        self._open: socket.socket | None = None

    def hang_up(self) -> None:
        if self._open is not None:
            self._open.close()

    def connect(self) -> None:
        failure = "cannot be reached"
        for family, kind, protocol, _, endpoint in self._endpoints():
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(min(self._meter.bounds.connect, self._meter.check()))
                plain.connect(endpoint)
                self._open = self._secured(plain)
                self.sock: Any = _Socket(self._open, self._meter)
                return
            except TimeoutError:
                plain.close()
                failure = "does not answer"
            except OSError:
                plain.close()
            except BaseException:
                plain.close()
                raise
        raise _unreachable(self._meter.shown, failure)

    def _endpoints(self) -> list[Any]:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _unreachable(self._meter.shown, "is not known to the name service") from None
        if not self._address.secure and not all(ipaddress.ip_address(it[4][0]).is_loopback for it in found):
            raise errors.AddressRefused(f"plain http to {self.host} is refused", hint="write https://")
        return found

    def _secured(self, plain: socket.socket) -> socket.socket:
        if not self._address.secure:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except ssl.SSLCertVerificationError as error:
            raise errors.AddressRefused(
                f"the TLS certificate of {self._meter.shown} cannot be trusted: {error.verify_message}",
                hint="check the URL; a certificate authority of your own can be named with SSL_CERT_FILE",
            ) from None
        except ssl.SSLError:
            raise errors.RemoteUnavailable(
                f"no TLS connection with {self._meter.shown} comes about", hint="does this port speak https?"
            ) from None


class _Socket:
    """What `http.client` needs of a socket, metered."""

    def __init__(self, sock: socket.socket, meter: Meter) -> None:
        self._sock = sock
        self._meter = meter

    def receive(self, buffer: memoryview, seconds: float) -> int:
        self._sock.settimeout(seconds)
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError:
            raise
        except OSError:
            self._broken()

    def send(self, data: memoryview, seconds: float) -> int:
        self._sock.settimeout(seconds)
        try:
            return self._sock.send(data)
        except TimeoutError:
            raise
        except OSError:
            self._broken()

    def sendall(self, data: bytes) -> None:
        self._meter.send(self, data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(Metered(self, self._meter))

    def close(self) -> None:
        """`http.client` closes as soon as it has read the headers; whoever reads the body is not done then."""

    def _broken(self) -> NoReturn:
        raise _unreachable(self._meter.shown, "broke off the connection") from None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme, host if host.isprintable() else "", parts.port or (443 if parts.scheme == "https" else 80)


def _unreachable(shown: str, how: str) -> errors.RemoteUnavailable:
    return errors.RemoteUnavailable(f"the git server at {shown} {how}", hint="it is asked again")
