"""URLs, taken apart and put together so that nothing in them can lead anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from reconciler import errors

DEFAULT_PORTS = {"https": 443, "http": 80}


class Origin(NamedTuple):
    """Where a client connects to. The host is in ASCII."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """Path and query of a URL that somebody gave us whole: they are sent as they are, and shown to nobody."""

    text: str

    def __repr__(self) -> str:
        return "Target(***)"


def encode_segment(text: str) -> str:
    """One part of a path, percent-encoded. Raises `errors.AddressRefused` for what would lead to another path."""
    if text in ("", ".", ".."):
        raise errors.AddressRefused(f"{text!r} cannot be a part of a URL path: it leads somewhere else")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise errors.AddressRefused("a text with half a character pair cannot be a part of a URL path")


def origin_of(base_url: str) -> tuple[Origin, str]:
    """Scheme, host and port of a base URL, and its path without the last slash. Raises `errors.AddressRefused`."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").encode("idna"), parts.port or DEFAULT_PORTS.get(parts.scheme)
        plain = parts.username is None and parts.password is None and not parts.query and not parts.fragment
        plain = plain and parts.path.isascii() and parts.path.isprintable()
    except (ValueError, UnicodeError):
        plain = False
    if not plain or not host or port is None or parts.scheme not in DEFAULT_PORTS:
        raise errors.AddressRefused(
            "the base URL of a connection must look like https://host or https://host/path",
            hint="no user name, no query, and no other scheme than https",
        )
    return Origin(parts.scheme, host.decode("ascii"), port), parts.path.rstrip("/")


def origin_and_target(url: str) -> tuple[str, Target]:
    """`https://host:1/path?query` → `https://host:1` and the rest. Raises `errors.AddressRefused` for anything else."""
    before, hash_, _ = url.partition("#")
    try:
        parts = urlsplit(before)
    except ValueError:
        parts = urlsplit("")
    path = parts.path or "/"
    dots = any(unquote(segment) in (".", "..") for segment in path.split("/"))
    if hash_ or dots or not url.isascii() or not url.isprintable() or " " in url:
        raise errors.AddressRefused("this URL has parts that cannot be sent")
    origin = f"{parts.scheme}://{parts.netloc}"
    origin_of(origin)
    return origin, Target(f"{path}?{parts.query}" if parts.query else path)


def host_header(origin: Origin) -> str:
    """Host and, where it is not the scheme's own, port."""
    name = f"[{origin.host}]" if ":" in origin.host else origin.host
    return name if origin.port == DEFAULT_PORTS[origin.scheme] else f"{name}:{origin.port}"
