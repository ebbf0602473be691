"""What errors of PostgreSQL mean, by their codes. Their texts may hold rows, except where the query itself is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from reconciler import errors
from reconciler.connectors.sql.words import CORRECT, one_line

_CREDENTIALS = "check user, password and database name in the URL"
_SERVER = "check that the server runs, and that host, port and network are right"

_WORDS: dict[str, tuple[type[errors.RemoteError], str, str]] = {
    "28": (errors.AuthenticationFailed, "refused the credentials", _CREDENTIALS),
    "3D": (errors.AuthenticationFailed, "has no such database", _CREDENTIALS),
    "08": (errors.RemoteUnavailable, "lost the connection", _SERVER),
    "57P": (errors.RemoteUnavailable, "is shutting down or ended the connection", _SERVER),
    "57014": (
        errors.RemoteUnavailable,
        "gave up on a statement that took too long, or that somebody cancelled",
        "make the query cheaper, or raise statementTimeout",
    ),
    "55000": (
        errors.RemoteRefused,
        "cannot read something that is not ready, such as a materialized view without data",
        "refresh it first",
    ),
    "25P03": (errors.RemoteUnavailable, "ended a session that read its rows too slowly", "try again"),
    "55P03": (errors.RemoteUnavailable, "waited too long for a lock of another session", "try again"),
    "25006": (errors.RemoteRefused, "only reads for us: the query does more than that", "write one SELECT"),
    "53": (errors.RemoteUnavailable, "has no room left (disk, memory or connections)", "free some, then try again"),
    "58": (errors.RemoteUnavailable, "has trouble with its disk", "see the log of the server"),
    "40": (errors.RemoteUnavailable, "ended the transaction in favour of another", "try again"),
}
"""The longest beginning of a code counts."""

_REFUSALS = {
    "42501": "let this user read it (GRANT USAGE ON SCHEMA, GRANT SELECT), or name another user in the URL",
    "42P01": "correct the name, or write its schema before it; one with capital letters needs quotes, so a SELECT with `sql`",
}

_ABOUT_THE_QUERY = ("42", "3F", "0A")
"""Syntax, names, rights, features: the message quotes the query and the schema, never a row."""


def meaning(error: psycopg.Error, label: str, secrets: Sequence[str]) -> errors.RemoteError:
    """What `error` of the database called `label` says, without anything secret."""
    state = error.sqlstate
    if state is None:
        return _unanswered(error, label)
    if state.startswith(_ABOUT_THE_QUERY):
        said = one_line(error.diag.message_primary or "", secrets)
        hint = one_line(error.diag.message_hint or "", secrets)
        hint = _REFUSALS.get(state) or hint or CORRECT
        return errors.RemoteRefused(f"{label} refuses the query: {said}", hint=hint, code=state)
    for length in (5, 3, 2):
        if state[:length] in _WORDS:
            kind, what, hint = _WORDS[state[:length]]
            return kind(f"{label} {what} (code {state})", hint=hint)
    return errors.RemoteRefused(
        f"the query failed while rows were read ({type(error).__name__}, code {state})",
        hint="run it in a SQL client: a function in it, or in a view, does not take the values of some row",
        code=state,
    )


def _unanswered(error: psycopg.Error, label: str) -> errors.RemoteError:
    """No code: the connection was not made, or was lost, or the URL has an option that libpq does not know."""
    if isinstance(error, psycopg.ProgrammingError):
        return errors.AuthenticationFailed(
            f"the URL of {label} has an option that PostgreSQL does not know",
            hint="correct what follows `?` in the URL",
        )
    connection = error.pgconn
    if connection is not None and (connection.used_password or connection.needs_password):
        return errors.AuthenticationFailed(f"{label} refused the connection", hint=_CREDENTIALS)
    return errors.RemoteUnavailable(f"{label} cannot be reached", hint=_SERVER)
