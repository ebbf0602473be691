"""Which addresses a connection may reach, and what the certificate must be."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.connectors.network import AddressPolicy, Exchange, Network, why_not_public
from tests.connectors.servers import client, in_turn, reply, serving

FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.254", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "172.32.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::1",
]

OTHER_SPELLINGS = {
    "2130706433": "127.0.0.1", "0x7f000001": "127.0.0.1", "0x7f.1": "127.0.0.1", "017700000001": "127.0.0.1",
    "0177.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "0": "0.0.0.0", "2852039166": "169.254.169.254",
    "0xa9.0xfe.0xa9.0xfe": "169.254.169.254", "[::ffff:169.254.169.254]": "", "[::1]": "", "localhost": "",
}  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_wrapped_in_ipv6_is_judged_by_what_it_wraps(address: ipaddress.IPv4Address) -> None:
    wrapped = ipaddress.IPv6Address((0x64FF9B << 96) | int(address))
    assert (why_not_public(wrapped) is None) == (why_not_public(address) is None)
    assert why_not_public(ipaddress.IPv6Address((0xFFFF << 32) | int(address))) is not None


@pytest.mark.parametrize("host", [*(a if ":" not in a else f"[{a}]" for a in FORBIDDEN), *OTHER_SPELLINGS])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_spelling_leads_to_a_forbidden_address(scheme: str, host: str) -> None:
    http = client(f"{scheme}://{host}:9", allow_loopback=False)
    with pytest.raises(errors.AddressRefused) as caught:
        http.request("GET", "a", idempotent=True)
    http.close()
    assert caught.value.hint


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00::1]", "[::ffff:127.0.0.1]", "8.8.8.8"])
def test_allowing_loopback_allows_nothing_else_over_plain_http(host: str) -> None:
    http = client(f"http://{host}:9", allow_loopback=True)
    with pytest.raises(errors.AddressRefused):
        http.request("GET", "a", idempotent=True)
    http.close()


def test_loopback_has_to_be_allowed() -> None:
    with serving(in_turn([reply(body={})])) as server:
        refused, allowed = client(server.url, allow_loopback=False), client(server.url)
        with pytest.raises(errors.AddressRefused) as caught:
            refused.request("GET", "a", idempotent=True)
        assert allowed.request("GET", "a", idempotent=True).status == 200
        refused.close()
        allowed.close()
    assert "RECONCILE_ALLOW_LOOPBACK=1" in str(caught.value.hint)
    assert len(server.requests) == 1


def found(*addresses: str) -> list[tuple[Any, Any, Any, Any, Any]]:
    family = {4: socket.AF_INET, 6: socket.AF_INET6}
    return [(family[ipaddress.ip_address(a).version], 1, 6, "", (a, 9)) for a in addresses]


def network(resolve: Any, *, secure: bool = True, allow_loopback: bool = False) -> Network:
    exchange = Exchange()
    exchange.begin(SystemClock().monotonic() + 5)
    return Network(AddressPolicy(secure=secure, allow_loopback=allow_loopback), exchange, SystemClock(), resolve)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("2606:4700::1111", "::1")])
def test_one_forbidden_address_of_a_name_is_enough(addresses: tuple[str, ...]) -> None:
    with pytest.raises(errors.AddressRefused):
        network(lambda *_, **__: found(*addresses)).connect_tcp("rebind.example", 443)


def test_private_addresses_are_for_servers_that_the_configuration_does_not_name() -> None:
    private = AddressPolicy(secure=True, allow_loopback=False, allow_private=True)
    for address in ("10.1.2.3", "192.168.0.1", "fd00::1", "8.8.8.8"):
        private.check("git.example.com", ipaddress.ip_address(address))
    for address in (
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "224.0.0.1",
        "127.0.0.1",
    ):
        with pytest.raises(errors.AddressRefused):
            private.check("git.example.com", ipaddress.ip_address(address))
    with pytest.raises(errors.AddressRefused, match="plain http"):
        AddressPolicy(secure=False, allow_loopback=True, allow_private=True).check(
            "git.example.com", ipaddress.ip_address("10.1.2.3")
        )


def test_a_name_is_looked_up_once_and_the_checked_address_is_the_one_connected_to() -> None:
    lookups: list[str] = []
    with serving(in_turn([reply()])) as server:

        def resolve(host: str, *_: object, **__: object) -> list[tuple[Any, Any, Any, Any, Any]]:
            lookups.append(host)
            return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", server.port))]

        stream = network(resolve, allow_loopback=True).connect_tcp("rebind.example", server.port)
        stream.close()
    assert lookups == ["rebind.example"]


def test_a_name_that_nobody_knows() -> None:
    def resolve(*_: object, **__: object) -> list[tuple[Any, Any, Any, Any, Any]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(httpcore2.ConnectError):
        network(resolve).connect_tcp("nowhere.example", 443)


# ---- TLS


@pytest.fixture
def tls_port(certificate: tuple[Path, Path]) -> Iterator[int]:
    """A server that answers one request on each of its connections over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_tls, args=(listener, context), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(reply(body={"tls": True}))
        except OSError:
            plain.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_port: int) -> None:
    http = client(f"https://localhost:{tls_port}")
    with pytest.raises(errors.AddressRefused, match="certificate of localhost cannot be trusted"):
        http.request("GET", "a", idempotent=True)
    http.close()


def test_a_certificate_authority_can_be_named(
    tls_port: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    http = client(f"https://localhost:{tls_port}")
    assert http.request("GET", "a", idempotent=True).json() == {"tls": True}
    http.close()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificate_authorities_that_cannot_be_loaded_are_told(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    http = client("https://localhost:1")
    with pytest.raises(errors.AddressRefused, match="authorities to trust cannot be loaded") as caught:
        http.request("GET", "a", idempotent=True)
    http.close()
    assert "SSL_CERT_FILE" in str(caught.value.hint)
    assert http.calls == 0


def test_a_certificate_for_another_name_is_refused(
    tls_port: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    http = client(f"https://127.0.0.1:{tls_port}")
    with pytest.raises(errors.AddressRefused, match="cannot be trusted"):
        http.request("GET", "a", idempotent=True)
    http.close()


def test_a_server_that_does_not_speak_tls() -> None:
    with serving(in_turn([reply()])) as server:
        http = client(f"https://localhost:{server.port}", attempts=1, total_timeout=1.0)
        with pytest.raises(errors.RemoteUnavailable):
            http.request("GET", "a", idempotent=True)
        http.close()
