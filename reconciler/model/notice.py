"""What somebody is told when a condition begins or ends, and the words for it. Every channel says the same ones.

A notice is made of names and reasons of the configuration; never of rows, their values, or secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.event import Condition
from reconciler.model.json import Json

FORMAT_VERSION = 1

WORDS: Mapping[Condition, tuple[str, str]] = {
    Condition.FAILING: ("cycles fail", "cycles work again"),
    Condition.NEEDS_AUTH: ("credentials are refused", "credentials are accepted again"),
    Condition.SAFETY_STOP: ("stopped by a safety limit", "no longer stopped by a safety limit"),
    Condition.REJECTED_MANY: ("many values are rejected", "no longer many values are rejected"),
    Condition.CONFIG_INVALID: ("the configuration has errors", "the configuration is valid again"),
    Condition.SOURCE_FAILED: ("the configuration cannot be fetched", "the configuration can be fetched again"),
    Condition.SOURCE_REWRITTEN: ("the history of the configuration was rewritten", "the rewritten history is settled"),
    Condition.NEEDS_APPROVAL: ("a change waits for approval", "no change waits for approval"),
}
"""What each condition says of its subject when it begins, and when it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A condition of `subject` that began or ended. `since` is when it began, as far as that is known."""

    project: str
    subject: str
    condition: Condition
    began: bool
    reason: str
    hint: str
    since: datetime | None
    at: datetime

    @property
    def title(self) -> str:
        """One line: the subject of a mail, the first line of a message."""
        began, ended = WORDS[self.condition]
        return f"{self.project}: {self.subject}: {began if self.began else ended}"

    @property
    def lines(self) -> list[str]:
        """What follows the title, one thing in each line."""
        lines = [self.reason] if self.reason else []
        if self.hint:
            lines.append(f"What to do: {self.hint}")
        if self.began:
            lines.append(f"Since {shown(self.since or self.at)}")
        elif self.since is not None:
            lines.append(f"From {shown(self.since)} to {shown(self.at)}, {lasted(self.at - self.since)}")
        else:
            lines.append(f"Until {shown(self.at)}")
        return lines

    def to_json(self) -> dict[str, Json]:
        """The body of a generic webhook, and what the outbox keeps."""
        return {
            "formatVersion": FORMAT_VERSION,
            "project": self.project,
            "subject": self.subject,
            "condition": self.condition.value,
            "status": "began" if self.began else "ended",
            "title": self.title,
            "reason": self.reason,
            "hint": self.hint,
            "since": None if self.since is None else self.since.isoformat(),
            "at": self.at.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, str | None]) -> Notice:
        """Raises `KeyError`, `TypeError` or `ValueError` for what `to_json` did not make."""
        since = data["since"]
        return cls(
            project=str(data["project"]),
            subject=str(data["subject"]),
            condition=Condition(str(data["condition"])),
            began=data["status"] == "began",
            reason=str(data["reason"]),
            hint=str(data["hint"]),
            since=None if since is None else datetime.fromisoformat(since),
            at=datetime.fromisoformat(str(data["at"])),
        )


def shown(moment: datetime) -> str:
    """A moment in UTC, for people."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def lasted(time: timedelta) -> str:
    """A length of time in its two largest units: `3 h 20 min`."""
    seconds = max(0, int(time.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
