"""Writing profile fields: one call for each value, and what every possible answer means.

A 404 says only that the user or the field is missing, so it costs one more call to tell which. What was found out is kept for
the rest of the run: a missing field costs that once, however many values are waiting for it.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

from reconciler import errors
from reconciler.connectors.answer import Response
from reconciler.connectors.gainsight_cc.api import CommunityApi
from reconciler.connectors.gainsight_cc.sendable import MOST_BYTES, Refusal, refusal
from reconciler.connectors.gainsight_cc.shapes import CommunityUser, community_user
from reconciler.model.outcome import Reason, Write, WriteResult

MOST_FAILURES = 5
"""Values in a row without a usable answer after which the run is given up."""

SLASHES = "the community does not take a value with a slash: it reads the encoded slash as part of the path"
EITHER = "the field does not exist, or the community does not take a value with a slash"
NOT_KEPT = "the community answered HTTP 200 but did not keep the value; the field may allow only certain values"

_ACKNOWLEDGED = None


class ProfileWriter:
    """Thread-safe: many threads write different batches of one run. Made anew for each run, because it remembers."""

    def __init__(self, api: CommunityApi, most_bytes: int) -> None:
        self._api = api
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._diagnoses: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._missing_fields: set[str] = set()
        self._missing_users: set[str] = set()
        self._witnesses: dict[str, str] = {}
        self._shown: set[str] = set()
        self._slashes_refused = False
        self._failures = 0
        self._forbidden = 0

    def write(self, batch: Sequence[Write]) -> Iterator[WriteResult]:
        """See `base.Destination`. Raises `errors.RemoteUnavailable` once the community has stopped answering."""
        # Values with a slash come last: by then other values have shown whether their field exists.
        for write in sorted(batch, key=lambda one: "/" in one.value):
            if self._failures >= MOST_FAILURES:
                raise errors.RemoteUnavailable(
                    f"the community gave no usable answer to {MOST_FAILURES} values in a row",
                    hint="nothing more was attempted; the next cycle carries on",
                )
            known = self._known(write)
            found = known if known is not None else self._send(write)
            yield _result(write, found)

    def _known(self, write: Write) -> Refusal | None:
        """What can be said without a call."""
        for text in (write.key, write.item):
            unusable = refusal(text, MOST_BYTES)
            if unusable is not None:
                return Refusal(Reason.UNSENDABLE, f"user id or field name: {unusable.detail}")
        unsendable = refusal(write.value, self._most_bytes)
        if unsendable is None and self._slashes_refused and "/" in write.value:
            unsendable = Refusal(Reason.UNSENDABLE, SLASHES)
        return unsendable or self._missing(write)

    def _missing(self, write: Write) -> Refusal | None:
        if write.key in self._missing_users:
            return Refusal(Reason.USER_MISSING, "")
        if write.item in self._missing_fields:
            return Refusal(Reason.FIELD_MISSING, "")
        return None

    # ---- one value

    def _send(self, write: Write) -> Refusal | None:
        try:
            answer = self._api.put(write.key, write.item, write.value)
        except errors.RemoteUnavailable as error:
            found = self._checked(write, Reason.UNAVAILABLE, error.message, known=not error.outcome_unknown)
        except errors.RemoteMalformed as error:
            found = self._checked(write, Reason.MALFORMED, error.message)
        else:
            found = self._answered(write, answer)
        self._count(found)
        return found

    def _answered(self, write: Write, answer: Response) -> Refusal | None:
        if answer.ok:
            return self._accepted(write, answer)
        if answer.status == 404:
            return self._not_found(write)
        if answer.status == 403:
            return self._no_right()
        if answer.status == 414:
            return Refusal(Reason.TOO_LONG, "the community says that the address is too long (HTTP 414)")
        return Refusal(Reason.REFUSED, f"HTTP {answer.status}")

    def _no_right(self) -> Refusal:
        """One value may be protected; several in a row mean that the credentials lack the right to write."""
        with self._lock:
            self._forbidden += 1
            if self._forbidden >= MOST_FAILURES:
                raise errors.AuthenticationFailed(
                    f"the community refuses to let these credentials write profile fields (HTTP 403, {MOST_FAILURES} times)",
                    hint="give them the scope `write` and rights on users: Control > Integrations > API",
                )
        return Refusal(Reason.REFUSED, "HTTP 403: the credentials may not write this value")

    def _accepted(self, write: Write, answer: Response) -> Refusal | None:
        try:
            user = community_user(answer.json())
            if user.member.id == write.key:
                return self._echoed(write, user)
            wrong = "the community answered for another user"
        except errors.RemoteMalformed as error:
            wrong = error.message
        return self._checked(write, Reason.MALFORMED, wrong)

    def _echoed(self, write: Write, user: CommunityUser) -> Refusal | None:
        """What the user looks like after the write. A server may rewrite a value, or drop it without a word."""
        held = user.profile.get(write.item)
        if held is None:
            # Proof only where the field does show on others: some fields may be shown to nobody.
            return Refusal(Reason.REFUSED, NOT_KEPT) if write.item in self._shown else _ACKNOWLEDGED
        self._shown.add(write.item)
        if write.before is not None and _normal(held.value) == _normal(write.before) != _normal(write.value):
            return Refusal(Reason.REFUSED, NOT_KEPT)
        self._witnesses[write.item] = write.key
        return _ACKNOWLEDGED

    def _checked(self, write: Write, reason: Reason, detail: str, *, known: bool = False) -> Refusal | None:
        """Read back once, where the write may have been carried out, and only then call it failed."""
        if known:
            return Refusal(reason, detail)
        try:
            user = self._api.read_back(write.key)
        except (errors.RemoteUnavailable, errors.RemoteMalformed, errors.RemoteRefused):
            return Refusal(reason, f"{detail}; it could not be read back")
        if user is None:
            self._missing_users.add(write.key)
            return Refusal(Reason.USER_MISSING, "")
        if _holds(user, write):
            self._witnesses[write.item] = write.key
            return _ACKNOWLEDGED
        return Refusal(reason, f"{detail}; read back: not written")

    def _count(self, found: Refusal | None) -> None:
        failed = found is not None and found.reason in (Reason.UNAVAILABLE, Reason.MALFORMED)
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            if found is None:
                self._forbidden = 0

    # ---- what a 404 means

    def _not_found(self, write: Write) -> Refusal:
        """Single flight for each field: of several threads that learn of a missing field at once, one finds out."""
        with self._lock:
            diagnosis = self._diagnoses[write.item]
        with diagnosis:
            return self._missing(write) or self._diagnose(write)

    def _diagnose(self, write: Write) -> Refusal:
        try:
            user = self._api.user(write.key)
            if user is None:
                self._missing_users.add(write.key)
                return Refusal(Reason.USER_MISSING, "")
            exists = self._field_exists(write, user)
        except (errors.RemoteUnavailable, errors.RemoteMalformed, errors.RemoteRefused) as error:
            return Refusal(Reason.UNAVAILABLE, f"HTTP 404, and the user cannot be read: {error.message}")
        if exists:
            return self._value_refused(write)
        if "/" in write.value and write.item not in self._witnesses:
            # Not enough to condemn the field: nothing shows whether it is the field or the slash.
            return Refusal(Reason.FIELD_MISSING, EITHER)
        self._missing_fields.add(write.item)
        return Refusal(Reason.FIELD_MISSING, "")

    def _field_exists(self, write: Write, user: CommunityUser) -> bool:
        """Whether the field shows on this user, or still on the last one that took a value of it."""
        if write.item in user.profile:
            return True
        witness = self._witnesses.get(write.item)
        if witness is None:
            return False
        other = self._api.user(witness)
        return other is not None and write.item in other.profile

    def _value_refused(self, write: Write) -> Refusal:
        if "/" in write.value:
            self._slashes_refused = True
            return Refusal(Reason.UNSENDABLE, SLASHES)
        return Refusal(Reason.REFUSED, "HTTP 404 although the user and the field exist")


def _holds(user: CommunityUser, write: Write) -> bool:
    """Whether the user has the value, give or take what a server may normalise: composition and outer spaces."""
    held = user.profile.get(write.item)
    return held is not None and _normal(held.value) == _normal(write.value)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _result(write: Write, found: Refusal | None) -> WriteResult:
    return (
        WriteResult(write=write)
        if found is None
        else WriteResult(write=write, reason=found.reason, detail=found.detail)
    )
