"""`reconcile health`"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import click

from reconciler import errors
from reconciler.cli.options import common

URL = "http://127.0.0.1:8080/healthz"
SECONDS = 5.0
CONNECTIONS: Mapping[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


@click.command("health")
@click.option("--url", default=URL, show_default=True, help="What to ask; `/readyz` instead of `/healthz` is stricter.")
@common
def command(project: object, url: str) -> None:
    """Ask a running `reconcile run` whether it is alive: exit code 0 if it answers with 200, else 1.

    \b
    reconcile health
    reconcile health --url http://127.0.0.1:8080/readyz
    """
    where = _parsed(url)
    status = _ask(where)
    if status != http.client.OK:
        raise errors.RemoteUnavailable(f"{where.netloc}{where.path} answered with {status}", hint="look at its log")
    click.echo("ok")


def _parsed(url: str) -> SplitResult:
    """The parts of the URL. Raises errors.UsageError, which echoes nothing of a URL that may hold a password."""
    try:
        where = urlsplit(url)
        usable = where.scheme in CONNECTIONS and where.hostname and where.port != 0
        url.encode("ascii")
    except ValueError:
        usable = False
    if not usable or "@" in where.netloc or any(letter <= " " for letter in url):
        raise errors.UsageError("--url is not a plain http or https URL", hint=f"for example {URL}")
    return where


def _ask(where: SplitResult) -> int:
    """The status of the answer. Proxies are for the way outside, and redirects are no answer; http.client knows neither."""
    assert where.hostname
    connection = CONNECTIONS[where.scheme](where.hostname, where.port, timeout=SECONDS)
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        connection.request("GET", target, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise errors.RemoteUnavailable(
            f"{where.netloc} does not answer: {reason}", hint="is `reconcile run --listen` running there?"
        ) from None
    finally:
        connection.close()
