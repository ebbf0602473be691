"""URLs, taken apart and put together so that nothing in them can lead anywhere else."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import httpcore2

from reconciler import errors

DEFAULT_PORTS = {"https": 443, "http": 80}


def encode_segment(text: str) -> str:
    """One part of a path, percent-encoded. Raises `errors.AddressRefused` for what would lead to another path."""
    if text in ("", ".", ".."):
        raise errors.AddressRefused(f"{text!r} cannot be a part of a URL path: it leads somewhere else")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise errors.AddressRefused("a text with half a character pair cannot be a part of a URL path")


def origin_of(base_url: str) -> tuple[httpcore2.Origin, str]:
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
    return httpcore2.Origin(parts.scheme.encode(), host, port), parts.path.rstrip("/")


def host_header(origin: httpcore2.Origin) -> str:
    """Host and, where it is not the scheme's own, port."""
    host = origin.host.decode()
    name = f"[{host}]" if ":" in host else host
    return name if origin.port == DEFAULT_PORTS[origin.scheme.decode()] else f"{name}:{origin.port}"
