"""Outside network raises in the test process and in every Python that it starts; this machine stays reachable."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.guard import outside_network

# A process that was started under the guard has installed it by its own name; that one is the one that raises.
_installed = sys.modules.get("outside_network", outside_network)
OutsideNetworkError = _installed.OutsideNetworkError
is_local = outside_network.is_local

# Reserved for documentation (RFC 5737, RFC 3849, RFC 2606): nobody answers there, should the guard be gone.
OUTSIDE_V4 = "192.0.2.1"
OUTSIDE_V6 = "2001:db8::1"
OUTSIDE_NAME = "outside.invalid"


def test_connecting_outside_raises() -> None:
    with socket.socket() as client, pytest.raises(OutsideNetworkError, match=OUTSIDE_V4):
        client.connect((OUTSIDE_V4, 80))


def test_connect_ex_raises_too() -> None:
    with socket.socket() as client, pytest.raises(OutsideNetworkError):
        client.connect_ex((OUTSIDE_V4, 80))


def test_datagrams_raise() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OutsideNetworkError):
        client.sendto(b"x", (OUTSIDE_V4, 53))


@pytest.mark.parametrize("lookup", [socket.gethostbyname, lambda name: socket.getaddrinfo(name, 443)])
def test_looking_up_a_name_raises(lookup: object) -> None:
    assert callable(lookup)
    with pytest.raises(OutsideNetworkError, match=OUTSIDE_NAME):
        lookup(OUTSIDE_NAME)


def test_loopback_and_unix_sockets_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        (b"localhost", True),
        (None, True),
        (OUTSIDE_V4, False),
        (OUTSIDE_V6, False),
        (OUTSIDE_NAME, False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
    ],
)
def test_what_counts_as_local(host: object, local: bool) -> None:
    assert is_local(host) is local


def test_a_started_python_is_guarded() -> None:
    program = f"import socket; socket.create_connection(({OUTSIDE_V4!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OutsideNetworkError" in done.stderr


def test_home_is_empty_and_the_environment_is_clean() -> None:
    assert Path.home() == Path(os.environ["HOME"])
    assert Path.home().name.startswith("reconcile-home-")
    assert not [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("RECONCILE")]
