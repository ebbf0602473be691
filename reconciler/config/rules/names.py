"""Rules about the names of profile fields: the community's API takes a name as a part of the URL path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from reconciler.config.facts import Facts, Finding
from reconciler.config.rules import examples
from reconciler.config.rules.base import Example, Rule
from reconciler.model import resources
from reconciler.model.diagnostic import Severity

MOST_BYTES = 2000
"""Longest name, in bytes as encoded for the path: the limit that values have, too."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FOLDER = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\]|$)")
_JOINERS = "\u200c\u200d"
"""Invisible, and part of how emoji and some scripts are written."""

_RENAME = "rename the field in the community, then here"


def unusable(name: str) -> str | None:
    """Why a profile field of this name could never be written."""
    if not name.strip():
        return "is empty"
    if _CONTROL.search(name):
        return "contains control characters"
    if _FOLDER.search(name):
        return "means a folder in a URL"
    size = len(quote(name, safe=""))
    if size > MOST_BYTES:
        return f"takes {size:,} bytes in a URL, of at most {MOST_BYTES:,}"
    return None


def doubtful(name: str) -> str | None:
    """Why writes to a profile field of this name may go nowhere."""
    if name != name.strip():
        return "begins or ends with a space"
    if "/" in name or "\\" in name:
        return f"contains {'/' if '/' in name else chr(92)}, which some servers take for the end of a path segment"
    hidden = next((char for char in name if not char.isprintable() and char not in _JOINERS), None)
    return f"contains the invisible character U+{ord(hidden):04X}" if hidden else None


def _unusable(facts: Facts) -> Iterator[Finding]:
    for community, entry in facts.communities():
        for at, field in enumerate(community.profile_fields):
            if why := unusable(field.name):
                hint = _RENAME if field.name.strip() else "write the name as it is in the community"
                yield Finding(entry.place("spec", "profileFields", at, "name"), _cannot(field.name, why), hint)
    for line in facts.lines:
        name = line.mapping.profile_field
        if why := unusable(name):
            yield Finding(
                line.place("profileField"), _cannot(name, why), _written_hint(facts, line.document.target, name)
            )


def _cannot(name: str, why: str) -> str:
    shown = name if len(name) <= 40 else f"{name[:40]}…"
    return f"the profile field name '{shown}' {why}, so it cannot be written"


def _written_hint(facts: Facts, target: str, name: str) -> str:
    if name.strip():
        return _RENAME
    typed = facts.connections.get(target)
    declared = typed.resource.profile_fields if typed and isinstance(typed.resource, resources.CcConnection) else ()
    names = [field.name for field in declared if unusable(field.name) is None]
    if not names:
        return f"write the name of a profile field that '{target}' declares"
    return f"write a profile field that '{target}' declares: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"


def _doubtful(facts: Facts) -> Iterator[Finding]:
    hint = "a rejected first value would show it: then rename the field in the community and here"
    for community, entry in facts.communities():
        for at, field in enumerate(community.profile_fields):
            why = doubtful(field.name)
            if why and unusable(field.name) is None:
                message = f"the profile field name '{field.name}' {why}"
                yield Finding(entry.place("spec", "profileFields", at, "name"), message, hint)


RULES = (
    Rule(
        code="E-UNUSABLE-NAME",
        title="a profile field has a name that cannot be written",
        why="The community's API takes the name of a profile field as a part of the URL path. An empty name, control "
        "characters and more than 2,000 bytes do not arrive there; `.` and `..`, also between slashes, may even lead to "
        "another route.",
        fix="Rename the field in the community, then here.",
        bad=Example(text=examples.CC.replace("name: Region", 'name: ".."')),
        good=Example(text=examples.CC),
        check=_unusable,
    ),
    Rule(
        code="W-NAME",
        severity=Severity.WARNING,
        title="a profile field has a name that may not arrive",
        why="The community's API takes the name of a profile field as a part of the URL path. It is sent encoded, but whether "
        "the community accepts an encoded slash or backslash is not documented, and a space at the end or an invisible "
        "character is more often a slip than a part of the name.",
        fix="Remove spaces and invisible characters that are not part of the name. If values of such a field are rejected, "
        "rename the field in the community, then here.",
        bad=Example(text=examples.CC.replace("name: Region", "name: Region/Country")),
        good=Example(text=examples.CC.replace("name: Region", "name: Region and country")),
        check=_doubtful,
    ),
)
