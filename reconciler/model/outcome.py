"""What became of one value in one cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

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
    # rejected, records
    RECORD_MISSING = "record-missing"
    AMBIGUOUS_KEY = "ambiguous-key"
    DUPLICATE_KEY = "duplicate-key"
    KEY_INVALID = "key-invalid"
    COMPANY_UNKNOWN = "company-unknown"
    COMPANY_AMBIGUOUS = "company-ambiguous"
    RELATIONSHIP_UNKNOWN = "relationship-unknown"
    RELATIONSHIP_AMBIGUOUS = "relationship-ambiguous"
    LOOKUP_UNKNOWN = "lookup-unknown"
    LOOKUP_AMBIGUOUS = "lookup-ambiguous"
    REQUIRED_EMPTY = "required-field-empty"
    PICKLIST_UNKNOWN = "picklist-unknown"
    VALUE_INVALID = "value-invalid"
    VALUE_OVERLONG = "value-overlong"
    RECORD_REFUSED = "record-refused"
    CS_UNAVAILABLE = "cs-unavailable"
    # skipped
    NULL = "null"
    NO_MEMBER = "no-member"
    NO_EMAIL = "no-email"
    OTHER_COMPANY = "other-company"
    DUPLICATE = "duplicate"
    # neither: the record is not read any more
    DEPARTED = "departed"


SKIPS = frozenset(
    {Reason.NULL, Reason.NO_MEMBER, Reason.NO_EMAIL, Reason.OTHER_COMPANY, Reason.DUPLICATE, Reason.DEPARTED}
)
"""Reasons of values that are left alone; all others are reasons of rejected ones."""

OF_VALUES = frozenset({Reason.VALUE_OVERLONG, Reason.VALUE_INVALID, Reason.PICKLIST_UNKNOWN})
"""Reasons that lie in one value of a record, and say nothing of its others."""

PERMANENT = OF_VALUES | {Reason.KEY_INVALID, Reason.DUPLICATE_KEY}
"""Reasons that stay as long as neither the value nor what was applied changes: sending it again would cost a call for nothing,
or put the values of one of two rows over those of the other."""

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
    Reason.RECORD_MISSING: "no record in CS has this key: create it, or let the sync do so; one deleted just now comes back",
    Reason.AMBIGUOUS_KEY: "several records in CS have this key; merge them, or choose a key that is unique",
    Reason.DUPLICATE_KEY: "two rows of the source mean the same record; correct it so that each key comes once",
    Reason.KEY_INVALID: "the key of this row cannot be the key of a record; read the detail, correct it at its source",
    Reason.COMPANY_UNKNOWN: "no company in CS has this name; create the company, or correct the name at its source",
    Reason.COMPANY_AMBIGUOUS: "several companies in CS have this name; rename or merge them",
    Reason.RELATIONSHIP_UNKNOWN: "the company has no relationship of this name; create it in CS, or correct the name",
    Reason.RELATIONSHIP_AMBIGUOUS: "the company has several relationships of this name; rename or merge them in CS",
    Reason.LOOKUP_UNKNOWN: "no record in CS has the value that a lookup is found by; create it, or correct the value",
    Reason.LOOKUP_AMBIGUOUS: "several records in CS have the value that a lookup is found by; look up by another field",
    Reason.REQUIRED_EMPTY: "a field that CS requires is empty; fill it at its source, or require it no longer",
    Reason.PICKLIST_UNKNOWN: "the dropdown has no such item; add it in CS and run `reconcile catalog pull`, or correct the value",
    Reason.VALUE_INVALID: "the value does not fit the type of its field; correct it at its source",
    Reason.VALUE_OVERLONG: "the value is longer than its field; shorten it at its source, or lengthen the field",
    Reason.RECORD_REFUSED: "the target refused the record; read the detail, correct the record at its source",
    Reason.CS_UNAVAILABLE: "Gainsight CS gave no usable answer; the next cycle looks what is there and tries again",
    Reason.NULL: "no value at the source: the last synced value stays",
    Reason.NO_MEMBER: "no community user has this e-mail address",
    Reason.NO_EMAIL: "the record has no e-mail address, so it cannot be matched",
    Reason.OTHER_COMPANY: "another Company Person of the same person was used",
    Reason.DUPLICATE: "counted once: another row says the same",
    Reason.DEPARTED: "the model returns no such row any more; the record stays in Gainsight as it is, nothing is deleted",
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


class RecordChange(NamedTuple):
    """The changed values of one record, and the last acknowledged ones, each in the order of the items of a cycle. None among
    `values`: no change."""

    key: str
    label: str
    values: Sequence[Rendered]
    befores: Sequence[Rendered]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What the destination said to one write. `reason` is None when it was acknowledged.

    `detail` is for people: the remote error code or our own words, never a response body.
    """

    write: Write
    reason: Reason | None = None
    detail: str = ""
    outcome: Outcome = Outcome.UPDATED
    """What became of it when it was acknowledged: the record may be new, or there was nothing to be sent."""

    @property
    def acknowledged(self) -> bool:
        return self.reason is None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWrite:
    """One record with its changed fields, ready to be sent.

    `key` has the texts of the sync key, in its order; `values` what changed, in the types of the API (a lookup that is found
    by another field has that field's text). `unchanged` is what did not change: it is sent only when the record has to be
    created, because somebody deleted it.
    """

    key: tuple[str, ...]
    values: Mapping[str, Json]
    label: str
    unchanged: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What became of one record: `outcome` is CREATED, UPDATED, UNCHANGED (nothing had to be sent), or None with a `reason`.

    `field` is the destination field that is to blame, where one is known. `detail` is for people and holds no response body.
    """

    write: RecordWrite
    outcome: Outcome | None = None
    reason: Reason | None = None
    detail: str = ""
    field: str | None = None

    @property
    def acknowledged(self) -> bool:
        return self.outcome is not None
