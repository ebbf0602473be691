"""What a git source is named by: the URL of a repository, a branch, a folder. Usable without pydantic and without dulwich.

Each check returns the normalised text or raises `ValueError` with a message for people that does not repeat the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reconciler.config import shapes
from reconciler.config.secrets import SECRET_KEY

URL = (
    r"^(https://[^\s@?#/]+/[^\s?#]+"
    r"|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?/[^\s?#]+"
    r"|ssh://([A-Za-z0-9._-]+@)?[^\s@?#/:-][^\s@?#/:]*(:[0-9]{1,5})?/[^\s?#]+"
    r"|file:///[^\s?#]+"
    r"|[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s:?#-][^\s?#]*)$"
)
"""The URLs that are taken, for editors; `parse` says what is wrong with the others."""

FORMS = "https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH"

_SCP = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:/\s][^\s]*|/[^\s]+)")
_USER = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a repository is. `host` is empty for `file`; `path` is then the folder on this machine."""

    scheme: str
    host: str
    port: int | None
    user: str | None
    path: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def shown(self) -> str:
        """What messages call the repository: never more than the host, and the folder of one on this machine."""
        return self.path if self.scheme == "file" else self.host


def carries_credentials(url: str) -> bool:
    """Whether a password or a token stands in a URL. The user of https is one: that is where people put tokens."""
    if shapes.has_password(url) or SECRET_KEY.search(url.partition("?")[2]):
        return True
    scheme, separator, rest = url.partition("://")
    user, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    return bool(separator and at) and (scheme.lower() != "ssh" or ":" in user)


def url(text: str) -> str:
    """The URL as it is, if a repository can be fetched from it."""
    parse(text)
    return text


def parse(text: str) -> Address:
    """The parts of a URL without credentials."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the URL of a repository is made of printable ASCII characters, without spaces")
    if "://" not in text:
        found = _SCP.fullmatch(text)
        if found is None or found["path"].startswith("-"):
            raise ValueError("this is no URL of a git repository that can be followed")
        return Address(scheme="ssh", host=found["host"], port=None, user=found["user"], path=found["path"])
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("this is no URL") from None
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("the URL of a repository has neither a query nor a fragment")
    if parts.scheme == "file":
        return _local(parts.netloc, unquote(parts.path))
    if parts.scheme not in ("https", "http", "ssh"):
        raise ValueError(f"repositories are fetched over https, ssh or from this machine, not over {parts.scheme}")
    _check_host(parts.scheme, f"[{host}]" if ":" in host else host)
    if not parts.path.strip("/"):
        raise ValueError("the path of the repository is missing in this URL")
    user = parts.username
    if user is not None and (parts.scheme != "ssh" or not _USER.fullmatch(user)):
        raise ValueError("this user is not possible in a URL")
    path = unquote(parts.path) if parts.scheme == "ssh" else parts.path
    if not path.isprintable():
        raise ValueError("the path of the repository contains control characters")
    return Address(scheme=parts.scheme, host=host, port=port, user=user, path=path)


def _check_host(scheme: str, host: str) -> None:
    if not _HOST.fullmatch(host):
        raise ValueError("this URL has no host name")
    if scheme == "http" and not shapes.is_loopback(host):
        raise ValueError("plain http is spoken only to this machine (localhost): write https://")


def _local(host: str, path: str) -> Address:
    if host or not path.startswith("/") or not path.strip("/"):
        raise ValueError("a repository on this machine is file:// and an absolute path: file:///srv/config.git")
    if not path.isprintable():
        raise ValueError("the path of the repository contains control characters")
    return Address(scheme="file", host="", port=None, user=None, path=path)


def branch(text: str) -> str:
    """A branch name that git itself would take."""
    parts = text.split("/")
    wrong = (
        _NOT_IN_BRANCH.search(text)
        or not text.isprintable()
        or text in ("@", "HEAD")
        or text.startswith(("-", "/", "refs/"))
        or text.endswith(("/", "."))
        or any(part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if wrong:
        raise ValueError("this is no name of a branch, such as main or release/2026")
    return text


def folder(text: str) -> str:
    """A folder of the repository as `a/b`, or `.` for all of it."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith(("/", "~")) or "\\" in text or ".." in parts or not text.isprintable():
        raise ValueError("a folder of the repository stands here, relative to its top: . or deploy/config")
    return "/".join(parts) or "."
