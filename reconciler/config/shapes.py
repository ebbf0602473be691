"""The small languages inside documents: names, periods, cron, hosts. Plain functions, so that they are usable without pydantic.

Each returns the normalised text or raises `Wrong` with a message and a hint for people that do not repeat what could be a secret.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta, tzinfo

from reconciler.model.resources import Cron
from reconciler.schedule import shortest_period

NAME = r"^[a-z0-9-]{1,63}$"
PERIOD = r"^[0-9]{1,9}[smhd]$"
HOST = r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
CRON = r"^\s*\S+(\s+\S+){4}\s*$"
ENV = r"^[A-Za-z_][A-Za-z0-9_]*$"
TABLE = r"^([A-Za-z_][A-Za-z0-9_-]*\.)?([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$"
DOCUMENT = r"^([A-Za-z]+/)?[a-z0-9-]{1,63}$"

MIN_PERIOD = 5 * 60
MAX_PERIOD = 366 * 86_400

_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"
_NOT_A_PLACE = re.compile(r"localtime$|posixrules$|Factory$|posix/|right/")  # files that only some machines have
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")


class Wrong(ValueError):
    """Why a text is not what it should be. `hint` says what to write instead, where that can be known."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.hint = hint


@functools.lru_cache(maxsize=1024)
def seconds(period: str) -> int:
    """`4h` → 14400. Raises `Wrong`."""
    if not re.fullmatch(PERIOD[1:-1], period, re.ASCII):
        from reconciler.config import schedule_hints

        raise Wrong("a period is a whole number and a unit: 30m, 4h, 1d", schedule_hints.period(period))
    return int(period[:-1]) * _UNITS[period[-1]]


def length(text: str, shortest: int, longest: int) -> str:
    """A length of time within bounds in seconds, for settings."""
    total = seconds(text)
    if not shortest <= total <= longest:
        raise Wrong(f"this is at least {spelt(shortest)} and at most {spelt(longest)}")
    return spelt(total)


def spelt(total: int) -> str:
    """The shortest spelling of a number of seconds."""
    if not total:
        return "0s"
    unit, size = next((unit, size) for unit, size in _UNITS.items() if total % size == 0)
    return f"{total // size}{unit}"


@functools.lru_cache(maxsize=1024)
def period(text: str) -> str:
    """The shortest spelling of a period: `240m` and `4h` are one."""
    total = seconds(text)
    if total < MIN_PERIOD:
        raise Wrong("a period is at least 5m", "write 5m or more, such as 4h")
    if total > MAX_PERIOD:
        raise Wrong("a period is at most 366d", "write 366d or less, such as 30d")
    return spelt(total)


def _cron_field(names: str = "") -> re.Pattern[str]:
    value = rf"(?:[0-9]{{1,2}}{'|' + names if names else ''})"
    item = rf"(?:\*/[0-9]{{1,2}}|{value}(?:-{value})?(?:/[0-9]{{1,2}})?)"
    return re.compile(rf"\*|{item}(?:,{item})*")


_CRON_FIELDS = (_cron_field(), _cron_field(), _cron_field(), _cron_field(_MONTHS), _cron_field(_DAYS))
_CRON_SIZES = (60, 24, 31, 12, 7)
_CRON_NUMBERS = {name: n for n, name in (*enumerate(_MONTHS.split("|"), start=1), *enumerate(_DAYS.split("|")))}


@functools.lru_cache(maxsize=1024)
def cron(expression: str) -> str:
    """Five fields, single spaces, upper-case names. Fires at least once, at times of day that are five minutes apart."""
    fields = expression.upper().split()
    if len(fields) != len(_CRON_FIELDS):
        from reconciler.config import schedule_hints

        why = "a cron expression has five fields: minute, hour, day of month, month, day of week"
        raise Wrong(why, schedule_hints.fields(fields))
    for field, pattern in zip(fields, _CRON_FIELDS, strict=True):
        if not pattern.fullmatch(field):
            raise Wrong(
                "a cron field is made of numbers, *, ranges, lists and steps (names for months and days of the week)",
                "random and special letters (R, H, L, W, ?, #) are not part of it; write numbers, such as 0 6 * * MON",
            )
    for field, size in zip(fields, _CRON_SIZES, strict=True):
        _check_field(field, size)
    normal = " ".join(fields)
    _check_cron(normal)
    return normal


def _check_cron(expression: str) -> None:
    from croniter import croniter
    from croniter.croniter import CroniterError

    # Any fixed instant serves: what a cron expression can do does not depend on today. A leap year follows within four.
    fields = expression.split()
    try:
        _, _, days, _, weekdays = croniter.expand(expression)[0]
        croniter(expression, datetime(2025, 1, 1, tzinfo=UTC), max_years_between_matches=8).get_next()
        shortest = shortest_period(Cron(expression=expression, timezone="UTC"))
    except CroniterError:
        from reconciler.config import schedule_hints

        wrong = schedule_hints.out_of_range(fields)
        never = "this cron expression never fires", "choose a day that the month has"
        raise (Wrong(wrong, "write a number within") if wrong else Wrong(*never)) from None
    if shortest < timedelta(seconds=MIN_PERIOD):
        raise Wrong("this fires more often than every 5 minutes", 'write "*/5 * * * *" or rarer')
    # `*/1` beside another day: some take it for `*`, which asks for the other, and some for every day.
    if "*" not in (fields[2], fields[4]) and ("*" in (days[0], weekdays[0]) or len(days) == 31 or len(weekdays) == 7):
        raise Wrong("one of the two day fields takes every day: write * for the one that shall not matter")


def _check_field(field: str, size: int) -> None:
    """What programs read in different ways: `*/90` is no hour and a half, and `5-5` is every minute for some of them."""
    for item in field.split(","):
        values, _, step = item.partition("/")
        ends = values.split("-")
        if step and int(step) >= size:
            raise Wrong(f"a step of {step} never takes a second value here; `every` has periods of any length")
        if len(ends) == 1:
            continue
        first, last = (_cron_number(end, size) for end in ends)
        if first == last:
            raise Wrong("a range has two different ends, and on the day of week 0 and 7 are the same")
        if first > last and step:
            raise Wrong("a range over the end, such as 22-2, has no step: write a list, such as 22,0,2")


def _cron_number(text: str, size: int) -> int:
    number = _CRON_NUMBERS[text] if text in _CRON_NUMBERS else int(text)
    return 0 if number == size == 7 else number


def timezone_name(name: str) -> str:
    """An IANA time zone that is known here."""
    zone(name)
    return name


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name that is known here. Raises `Wrong`."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        if _NOT_A_PLACE.match(name):
            raise ZoneInfoNotFoundError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from reconciler.config import schedule_hints

        why = "this is no IANA time zone, such as Europe/Berlin or UTC"
        raise Wrong(why, schedule_hints.zone(name)) from None


def host(name: str) -> str:
    """A public host name: no scheme, port, path or user, no IP address, no name of a private network."""
    if re.match(r"[a-z]+://", name, re.IGNORECASE):
        raise Wrong("a host name stands here, without https:// and without a path")
    if is_address(name) or name == "localhost" or name.endswith(_LOCAL_NAMES):
        raise Wrong("a public host name stands here, not an address and not a name of a private network")
    if not re.fullmatch(HOST[1:-1], name):
        raise Wrong("this is no host name; it looks like acme.gainsightcloud.com, in lower case")
    return name


def statement_timeout(text: str) -> str:
    """How long one query may take."""
    return length(text, 1, 86_400)


def table(name: str) -> str:
    """The name of a table or view that needs no quotes, with its schema and database."""
    if not re.fullmatch(TABLE[1:-1], name):
        hint = "write a SELECT with `sql` for names that need quotes, and for everything else"
        raise Wrong("the name of a table or view stands here, such as analytics.users", hint)
    return name


def sql_file(path: str) -> str:
    """A file of SQL below the folder of the document that names it."""
    from reconciler.config.discovery import outside

    if why := outside(path):
        raise Wrong(f"this path {why}", "name a file in the folder of this document, or below it")
    if not path.lower().endswith(".sql"):
        raise Wrong("the name of an SQL file ends with .sql", "rename the file")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def alias_file(path: str) -> str:
    """A YAML file below the folder of the document that names it."""
    from reconciler.config.discovery import SUFFIXES, outside

    if why := outside(path):
        raise Wrong(f"this path {why}", "name a file in the folder of this document, or below it")
    if not path.lower().endswith(SUFFIXES):
        raise Wrong("the name of a file of aliases ends with .yaml", "rename the file")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def mail_domain(name: str) -> str:
    """The part of an e-mail address behind the @, in lower case."""
    if "@" in name or not re.fullmatch(HOST[1:-1], name):
        raise Wrong("a domain of e-mail addresses stands here, in lower case, such as freemail.example")
    return name


def document_name(text: str) -> str:
    """The name of a document, with its kind where that is needed to tell two apart."""
    if not re.fullmatch(DOCUMENT[1:-1], text):
        raise Wrong("the name of a document stands here, such as companies or Sync/companies")
    return text


def mail_host(name: str) -> str:
    """A host that mail is handed to: a name or an address, also of a private network, where relays usually are."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}", name):
        raise ValueError("a host name stands here, without a port; it looks like smtp.example.com")
    return name


def mail_address(text: str) -> str:
    """One plain mail address, as it is handed to a mail server: without a name, comments or line breaks."""
    local, at, domain = text.rpartition("@")
    good = at and re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", local) and ".." not in f".{local}."
    if not good or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", domain):
        raise ValueError("one mail address stands here, such as ops@example.com")
    return text


def is_address(name: str) -> bool:
    """Whether a host is an IP address in any spelling that a resolver accepts: also 0x7f.1 and 2130706433."""
    import ipaddress

    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return (
            re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}\.?", name, re.IGNORECASE) is not None
        )
    return True


def is_loopback(name: str) -> bool:
    """Whether a host is this machine."""
    if name == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_database(url: str) -> bool:
    """Whether this is the URL of a kind of database that is supported, with a file or a name in it."""
    return bool(
        re.match(
            r"(?:sqlite(?:\+pysqlite)?:///(?!:memory:|file:)|(?:postgres|postgresql(?:\+psycopg)?)://[^/]*/)[^\s]",
            url,
            re.ASCII,
        )
    )


def has_password(url: str) -> bool:
    """Whether a database URL carries a password, in the user part or in the query."""
    return bool(re.search(r"://[^\s@/]*:[^@]*@|[?&](?:password|passwd|secret|token)=", url, re.IGNORECASE))
