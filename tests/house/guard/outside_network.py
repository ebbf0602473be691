"""Lets Python reach this machine only: loopback addresses and Unix sockets. Anything else raises.

An audit hook sees every connection that the `socket` module makes, also those of asyncio and of libraries in C that use it,
and nothing has to be replaced. It cannot be removed, so `install` is for processes that live for tests alone.
"""

from __future__ import annotations

import sys

# Where the host stands among the arguments of an audit event.
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class OutsideNetworkError(RuntimeError):
    """Not an OSError: code under test must not take it for a remote system that is down."""

    def __init__(self, host: object) -> None:
        super().__init__(f"a test tried to reach {host!r}: tests may use loopback addresses and Unix sockets only")


def install() -> None:
    """Guard this process from now on. Calling it twice has no further effect."""
    if not getattr(sys, "_outside_network_is_guarded", False):
        sys.addaudithook(_hook)
        sys._outside_network_is_guarded = True  # type: ignore[attr-defined]


def is_local(host: object) -> bool:
    """Whether a host of a socket call is this machine: a loopback address, `localhost`, or no host at all."""
    import ipaddress

    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in LOOKUPS:
        _check_lookup(arguments[0])
    elif event in SENDS:
        _check_address(arguments[0], arguments[1])


def _check_lookup(host: object) -> None:
    """A numeric address is not looked up anywhere, so it may pass; connecting to it may not."""
    import ipaddress

    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        if not is_local(host):
            raise OutsideNetworkError(host) from None


def _check_address(endpoint: object, address: object) -> None:
    import socket

    family = getattr(endpoint, "family", None)
    if family not in (socket.AF_INET, socket.AF_INET6) or address is None:
        return
    host = address[0] if isinstance(address, tuple) and address else address
    if not is_local(host):
        raise OutsideNetworkError(host)
