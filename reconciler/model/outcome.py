"""What became of one value in one cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.json import Json
from reconciler.model.value import Rendered


class Outcome(StrEnum):
    """Every value that was read ends as exactly one of these."""

    UNCHANGED = "unchanged"
    UPDATED = "updated"
    CREATED = "created"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    NOT_ATTEMPTED = "not_attempted"


class ValueStatus(StrEnum):
    """The words of the CSV export, as admins know them from Gainsight."""

    UPDATED = "Updated"
    FIELD_MISSING = "Profile_field_not_exists"
    USER_MISSING = "User_not_found"
    UNEXPECTED = "Unexpected_error"


class Reason(StrEnum):
    """Why a value was rejected or skipped. The advice that goes with each stands in `ADVICE`."""

    # rejected
    FIELD_MISSING = "profile-field-missing"
    USER_MISSING = "user-missing"
    UNSENDABLE = "value-unsendable"
    TOO_LONG = "value-too-long"
    WRONG_TYPE = "value-wrong-type"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    MALFORMED = "answer-malformed"
    AMBIGUOUS_PERSON = "ambiguous-person"
    AMBIGUOUS_COMPANY = "ambiguous-company"
    AMBIGUOUS_MEMBER = "ambiguous-member"
    KEY_NULL = "key-null"
    KEY_CONFLICT = "key-conflict"
    UNCOERCIBLE = "value-uncoercible"
    # skipped
    NULL = "null"
    NO_MEMBER = "no-member"
    NO_EMAIL = "no-email"
    OTHER_COMPANY = "other-company"
    DUPLICATE = "duplicate"


SKIPS = frozenset({Reason.NULL, Reason.NO_MEMBER, Reason.NO_EMAIL, Reason.OTHER_COMPANY, Reason.DUPLICATE})
"""Reasons of skipped values; all others are reasons of rejected ones."""

ADVICE: dict[Reason, str] = {
    Reason.FIELD_MISSING: "create the profile field in the community, or correct the mapping; the next cycle tries again",
    Reason.USER_MISSING: "the user was erased while the cycle ran; the next cycle no longer lists it",
    Reason.UNSENDABLE: "the community API takes values only as part of a URL, which this one cannot be; change it in CS",
    Reason.TOO_LONG: "shorten the value in CS: the community API takes values only as part of a URL",
    Reason.WRONG_TYPE: "the value in CS does not have the type that the catalog says; run `reconcile catalog pull`",
    Reason.REFUSED: "the community refused the value; read the detail, correct it in CS",
    Reason.UNAVAILABLE: "the community did not answer in time; the next cycle tries again",
    Reason.MALFORMED: "the community's answer could not be understood; the next cycle tries again",
    Reason.AMBIGUOUS_PERSON: "several Person records share this e-mail address; merge them in CS",
    Reason.AMBIGUOUS_COMPANY: "this person belongs to several companies; mark exactly one Company Person as primary in CS",
    Reason.AMBIGUOUS_MEMBER: "several community users share this e-mail address; correct one of them in the community",
    Reason.KEY_NULL: "rows of the model have no value in a key column; correct the model or its source",
    Reason.KEY_CONFLICT: "several rows of the model have this key and say different things; make the key unique",
    Reason.UNCOERCIBLE: "the value does not fit the field of the destination; read the detail, correct the model",
    Reason.NULL: "no value in CS: the last synced value stays",
    Reason.NO_MEMBER: "no community user has this e-mail address",
    Reason.NO_EMAIL: "the record has no e-mail address, so it cannot be matched",
    Reason.OTHER_COMPANY: "another Company Person of the same person was used",
    Reason.DUPLICATE: "counted once under its e-mail address",
}

STATUS_WORDS: dict[Reason, ValueStatus] = {
    Reason.FIELD_MISSING: ValueStatus.FIELD_MISSING,
    Reason.USER_MISSING: ValueStatus.USER_MISSING,
}


def status_word(reason: Reason) -> ValueStatus:
    """The export's word for a rejected value."""
    return STATUS_WORDS.get(reason, ValueStatus.UNEXPECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One changed value, ready to be sent.

    `key` is the record's id at the destination, `label` a name for people, `item` the destination field, `before` the last
    acknowledged value (None: we never wrote it).
    """

    key: str
    label: str
    item: str
    before: Rendered
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What the destination said to one write. `reason` is None when it was acknowledged.

    `detail` is for people: the remote error code or our own words, never a response body.
    """

    write: Write
    reason: Reason | None = None
    detail: str = ""
    created: bool = False
    """Whether the record is new at the destination."""

    @property
    def acknowledged(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWrite:
    """Changed fields of one record. `key` are the values of the sync key, in its order; `values` are as the API takes them."""

    key: tuple[str, ...]
    values: Mapping[str, Json]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What the destination said to one record. `outcome` is created or updated, or None with a `reason`; `field` is the one
    that was at fault, if one was."""

    write: RecordWrite
    outcome: Outcome | None
    reason: Reason | None = None
    detail: str = ""
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A value that could not be written, as it is kept until it can.

    `key` is the id at the destination, or the e-mail address where none is known.
    """

    key: str
    label: str
    item: str
    value: Rendered
    reason: Reason
    detail: str
