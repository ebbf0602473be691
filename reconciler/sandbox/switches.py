"""Behaviours of the real services that are unknown or vary by tenant, each as a switch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

CHOICES: dict[str, tuple[str, ...]] = {
    "read_shape": ("records", "list"),
    "empty": ("200", "result_false", "400"),
    "multi_match": ("update_all", "error"),
    "update_no_match": ("400", "skip"),
    "batch_errors": ("all", "first", "none"),
    "string_match": ("exact", "ignore_case"),
    "multiselect_read": ("gsid", "label"),
    "encoded_slash": ("accept", "404"),
    "find_shape": ("both", "result", "bare"),
    "list_order": ("stable", "shift"),
    "profile_validation": ("off", "reject", "drop"),
    "field_name_case": ("exact", "ignore"),
    "content_shape": ("spec", "wrapped", "bare"),
    "author_ids": ("text", "number"),
    "erased_author": ("anonymous", "null"),
}
LARGEST = 1_000_000_000
MOST: dict[str, int] = {"utc_offset": 840}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Defaults are what the strongest evidence says; README lists the evidence for each."""

    latency: float = 0.0
    # Gainsight CS
    read_shape: str = "records"
    empty: str = "200"
    multi_match: str = "update_all"
    update_no_match: str = "400"
    batch_errors: str = "all"
    string_match: str = "exact"
    multiselect_read: str = "gsid"
    rate_limit: bool = True
    per_minute: int = 100
    per_day: int = 50_000
    retry_after: bool = False
    async_polls: int = 2
    # Customer Communities
    encoded_slash: str = "accept"
    find_shape: str = "both"
    list_order: str = "stable"
    list_profile_values: bool = False
    profile_validation: str = "off"
    field_name_case: str = "exact"
    max_value_length: int = 0
    cc_per_minute: int = 0
    token_seconds: int = 7200
    max_page_size: int = 100
    content_shape: str = "spec"
    author_ids: str = "text"
    erased_author: str = "anonymous"
    topic_limit: int = 10_000
    topic_views: bool = True
    list_trashed: bool = False
    utc_offset: int = 0


def changed(current: Switches, values: dict[str, Any]) -> Switches:
    """Apply named values. ValueError names the first one that does not fit."""
    known = {item.name: item.type for item in fields(Switches)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown switch {name!r}; known: {', '.join(sorted(known))}")
        _check(name, str(known[name]), value)
    return replace(current, **values)


def as_dict(switches: Switches) -> dict[str, Any]:
    return asdict(switches)


def _check(name: str, kind: str, value: object) -> None:
    if kind == "bool":
        fits = isinstance(value, bool)
    elif kind == "str":
        fits = value in CHOICES[name]
    else:
        number = int | float if kind == "float" else int
        fits = isinstance(value, number) and not isinstance(value, bool) and 0 <= value <= MOST.get(name, LARGEST)
    if not fits:
        wanted = " or ".join(CHOICES[name]) if kind == "str" else kind
        raise ValueError(f"switch {name} must be {wanted}, not {value!r}")
