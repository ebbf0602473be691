"""The envelope around every answer of Gainsight CS: what is data, what is nothing found, what is which error.

The error code decides, not the HTTP status: `result: false` also comes with HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler import errors
from reconciler.connectors.answer import API_HINT, Response, json_object
from reconciler.model.json import Json

BAD_KEY = frozenset({"GS_APIG_2401", "GSOBJ_1024"})
NOT_ALLOWED_ADDRESS = "GS_APIG_2402"
TOO_MANY_CALLS = "GU_2400"
NOTHING_MATCHES = "GSOBJ_1011"
OBJECT_NOT_FOUND = "OBJECT_NOT_FOUND"

KEY_HINT = (
    "check the access key (Connectors > Gainsight API; an organisation has one, and creating it anew ends the old one) "
    "and where its secret reference leads"
)
ADDRESS_HINT = "add this machine's public IP address to the allow-list of the access key (Connectors > Gainsight API)"
DRIFT_HINT = "the object or one of its fields may have changed: compare with `reconcile catalog diff`"

_CODE = re.compile(r"[A-Za-z0-9_]{1,40}")
_NO_DATA = "no data found"


class Missing:
    """The type of `MISSING`."""


MISSING: Final = Missing()
"""What `data` returns for an object that the tenant does not have."""


def throttled(answer: Response) -> bool:
    """Whether this is the refusal for too many calls, under whatever status. Small bodies only: a page of data is none.

    The words alone prove nothing: an answer to a write repeats what was written.
    """
    if len(answer.body) >= 4096 or TOO_MANY_CALLS.encode() not in answer.body:
        return False
    try:
        whole = answer.json()
    except errors.RemoteMalformed:
        return False
    return isinstance(whole, Mapping) and error_code(whole) == TOO_MANY_CALLS


def data(answer: Response, what: str) -> Json | Missing:
    """The `data` of an answer to the request named by `what`; None when nothing was found.

    Raises `errors.AuthenticationFailed`, `RemoteRefused` (with the error code), `RemoteMalformed`.
    """
    envelope = _envelope(answer, what)
    if answer.ok and envelope.get("result") is True:
        return envelope.get("data")
    code = error_code(envelope)
    if code == OBJECT_NOT_FOUND:
        return MISSING
    if code == NOTHING_MATCHES or _nothing_found(envelope):
        return None
    raise _refusal(answer.status, code, what)


def error_code(envelope: Mapping[str, Json]) -> str:
    """The error code, or the title that stands in its place; empty when there is none worth the name."""
    for key in ("errorCode", "title"):
        value = envelope.get(key)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return ""


def opened(answer: Response, what: str) -> Mapping[str, Json]:
    """The whole envelope of a usable answer, good or bad; empty for a page that a gateway put in its place.

    Raises `errors.AuthenticationFailed`, `RemoteMalformed`.
    """
    envelope = _envelope(answer, what)
    if not answer.ok or envelope.get("result") is not True:
        refused = _refusal(answer.status, error_code(envelope), what)
        # A firewall answers 403 to a text that it dislikes; only the API itself tells of a missing right.
        if isinstance(refused, errors.AuthenticationFailed) and (envelope or answer.status != 403):
            raise refused
    return envelope


def _envelope(answer: Response, what: str) -> Mapping[str, Json]:
    try:
        envelope = json_object(answer.json(), f"the answer to {what}")
    except errors.RemoteMalformed:
        if answer.ok:
            raise
        # A proxy or gateway may refuse with a page of its own: the status is then all that is known.
        return {}
    if answer.ok and not isinstance(envelope.get("result"), bool):
        raise errors.RemoteMalformed(f"the answer to {what} does not say whether it succeeded", hint=API_HINT)
    return envelope


def _nothing_found(envelope: Mapping[str, Json]) -> bool:
    # Documented with a placeholder in place of a code, so the words are all there is to go by.
    text = envelope.get("errorDesc")
    return isinstance(text, str) and text.casefold().startswith(_NO_DATA) and not envelope.get("data")


def _refusal(status: int, code: str, what: str) -> errors.RemoteError:
    shown = code or f"HTTP {status}"
    if code == NOT_ALLOWED_ADDRESS:
        return errors.AuthenticationFailed(
            f"Gainsight CS refuses calls from this IP address ({code})", hint=ADDRESS_HINT
        )
    if code in BAD_KEY or status == 401:
        return errors.AuthenticationFailed(f"Gainsight CS refuses the access key ({shown})", hint=KEY_HINT)
    if status == 403:
        return errors.AuthenticationFailed(
            f"Gainsight CS forbids {what} ({shown})", hint=f"{ADDRESS_HINT}; and check what the key may do"
        )
    hint = DRIFT_HINT if code.startswith("GSOBJ_") else API_HINT
    return errors.RemoteRefused(f"Gainsight CS refused {what} ({shown})", hint=hint, status=status, code=code or None)
