"""Values on their way in: each data type accepts what the documentation shows, and refuses with its own code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from reconciler.sandbox.cs.fields import FieldDef

MOMENT_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")
# Below this an integer is more likely a mistyped date such as 210318 than epoch milliseconds.
LEAST_EPOCH_MS = 10_000_000_000
MOST_EPOCH_MS = 253_402_300_800_000
LARGEST_NUMBER = 10**15
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL = re.compile(r"(https?://|www\.)\S+", re.IGNORECASE)
DAY_MS = 86_400_000


class Invalid(Exception):
    """A value does not fit its field. `code` is the object data code, `people_code` the People API's."""

    def __init__(self, code: str, text: str, people_code: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.people_code = people_code


def epoch_ms(value: object) -> int | None:
    """Epoch milliseconds of an integer or of one of the seen date formats (UTC when there is no offset), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if LEAST_EPOCH_MS <= value < MOST_EPOCH_MS else None
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp() * 1000)


def coerce(field: FieldDef, value: Any) -> Any:
    """The stored form of a written value. Raises Invalid."""
    if value is None:
        if field.required:
            raise Invalid("GSOBJ_1007", f"Invalid field value ({field.name} = null)", "GSOBJ_VCRUDR1003")
        return None
    return _COERCERS[field.type](field, value)


def _text(field: FieldDef, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid("GSOBJ_1002", "Invalid field, please re-check data mapping", "GSOBJ_VDTBSTR1001")
    text = str(value)
    if len(text) > field.length:
        raise Invalid("GSOBJ_1001", "Field exceeds maximum allowed length", "GSOBJ_VDTBSTR1001")
    return text


def _number(field: FieldDef, value: Any) -> float | int:
    kind = {"CURRENCY": "currency", "PERCENTAGE": "percentage"}.get(field.type, "number")
    people = {"CURRENCY": "GSOBJ_VDTCURREN1001", "PERCENTAGE": "GSOBJ_VDTPERCENT1001"}
    problem = f"Failed to parse value as {kind}. ({field.name} = {value})"
    code = people.get(field.type, "GSOBJ_VDTNUM1001")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid("GSOBJ_1008", problem, code)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise Invalid("GSOBJ_1008", problem, code) from error
    if not abs(number) <= LARGEST_NUMBER:
        raise Invalid("GSOBJ_1008", f"Number is out of range ({field.name} = {value})", "GSOBJ_VDTNUM1002")
    return int(number) if number.is_integer() else number


def _boolean(field: FieldDef, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return int(value.lower() == "true")
    raise Invalid("GSOBJ_1008", f"Invalid Boolean Value: {value} ({field.name} = {value})", "GSOBJ_VDTBOOL1001")


def _moment(field: FieldDef, value: Any) -> int:
    moment = epoch_ms(value)
    if moment is not None:
        return moment - moment % DAY_MS if field.type == "DATE" else moment
    code = "GSOBJ_1006" if field.type == "DATE" else "GSOBJ_1005"
    raise Invalid(code, f"Invalid dateTime format ({field.name} = {value})", "GSOBJ_VDTDATIME1001")


def _email(field: FieldDef, value: Any) -> str:
    text = _text(field, value)
    if text and not EMAIL.fullmatch(text.strip()):
        raise Invalid("GSOBJ_1002", "Invalid email value", "GSOBJ_VDTEMAIL1001")
    return text


def _url(field: FieldDef, value: Any) -> str:
    text = _text(field, value)
    if text and not URL.fullmatch(text):
        raise Invalid("GSOBJ_1002", "Invalid url value", "GSOBJ_VDTURL1001")
    return text


def _gsid(field: FieldDef, value: Any) -> str:
    text = _text(field, value)
    if not (len(text) == 36 and text.isalnum() and text.isascii()):
        raise Invalid("GSOBJ_1002", f"Invalid gsid value ({field.name} = {text})", "GSOBJ_VDTGSID1001")
    return text


def _sfdc(field: FieldDef, value: Any) -> str:
    text = _text(field, value)
    if not (len(text) in (15, 18) and text.isalnum() and text.isascii()):
        problem = "SFDCID must be alphanumeric with 15 or 18 characters"
        raise Invalid("GSOBJ_1002", problem, "GSOBJ_VDTSFDCID1001")
    return text


def _pick(field: FieldDef, value: Any) -> str:
    option = field.option(value) if isinstance(value, str) else None
    if option is None:
        raise Invalid("GSOBJ_1002", f"Dropdown item not found ({field.name} = {value})", "GSOBJ_VDTPKLST1002")
    return option.gsid


def _pick_many(field: FieldDef, value: Any) -> str | None:
    """Arrays on write, although reads answer one joined string; the joined string is taken back too."""
    items = value if isinstance(value, list) else [part for part in str(value).split(";") if part]
    return ";".join(_pick(field, item) for item in items) or None


_COERCERS: dict[str, Callable[[FieldDef, Any], Any]] = {
    "STRING": _text, "RICHTEXTAREA": _text, "IMAGE": _text, "EMAIL": _email, "URL": _url, "GSID": _gsid,
    "LOOKUP": _gsid, "SFDCID": _sfdc, "NUMBER": _number, "CURRENCY": _number, "PERCENTAGE": _number,
    "BOOLEAN": _boolean, "DATE": _moment, "DATETIME": _moment, "PICKLIST": _pick,
    "MULTISELECTDROPDOWNLIST": _pick_many,
}  # fmt: skip
