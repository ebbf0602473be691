"""Objects and fields of the tenant, as the metadata API will describe them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEXTUAL = frozenset({"STRING", "EMAIL", "URL", "RICHTEXTAREA", "GSID", "SFDCID", "LOOKUP", "IMAGE"})
NUMERIC = frozenset({"NUMBER", "CURRENCY", "PERCENTAGE"})
DATED = frozenset({"DATE", "DATETIME"})
PICKED = frozenset({"PICKLIST", "MULTISELECTDROPDOWNLIST"})
UNSORTABLE = frozenset({"RICHTEXTAREA", "MULTISELECTDROPDOWNLIST", "IMAGE"})


def digest36(text: str, length: int) -> str:
    """A stable id fragment of upper-case base 36 characters."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 36)
        digits.append(DIGITS[rest])
    return "".join(digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One picklist item; its value in data is the GSID."""

    label: str
    gsid: str
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One attribute. `target` names the looked-up object; `self_lookup` is the GSID kind ParentCompany has."""

    name: str
    label: str
    type: str
    group: str = "STANDARD"
    required: bool = False
    read_only: bool = False
    hidden: bool = False
    target: str | None = None
    self_lookup: bool = False
    options: tuple[Option, ...] = ()
    category: str = ""
    decimals: int = 0
    length: int = 220

    @property
    def lookup_name(self) -> str | None:
        """The first path segment of a traversal, e.g. `Company_ID__gr`."""
        return f"{self.name}__gr" if self.target else None

    def option(self, text: str) -> Option | None:
        """An item by GSID or, because clients write both, by label."""
        return next((o for o in self.options if text in (o.gsid, o.label)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDef:
    """One object. `writable` is what the object data API accepts: low volume custom objects and a few standard ones."""

    name: str
    label: str
    plural: str
    kind: str
    prefix: str
    fields: Mapping[str, FieldDef]
    transactional: bool = False
    writable: bool = False
    queryable: bool = True
    name_field: str = "Name"
    _lower: Mapping[str, FieldDef] = field(default_factory=dict, repr=False)

    @property
    def table(self) -> str:
        return f'"cs_{self.name.lower()}"'

    def find(self, name: str) -> FieldDef | None:
        """A field by name without regard to case."""
        return self._lower.get(name.lower())

    def follow(self, segment: str) -> FieldDef | None:
        """The lookup field behind `X__gr`, without regard to case."""
        lowered = segment.lower()
        found = self._lower.get(lowered.removesuffix("__gr")) if lowered.endswith("__gr") else None
        return found if found is not None and found.target else None


def define(
    name: str, label: str, plural: str, kind: str, *, key: str, fields: list[FieldDef], **flags: bool | str
) -> ObjectDef:
    """Assemble an object; `key` is the four-character type code its GSIDs start with."""
    return ObjectDef(
        name=name,
        label=label,
        plural=plural,
        kind=kind,
        prefix=key + digest36(f"object:{name}", 14),
        fields={f.name: f for f in fields},
        _lower={f.name.lower(): f for f in fields},
        **flags,  # type: ignore[arg-type]
    )


def picklist(object_name: str, name: str, label: str, labels: tuple[str, ...], **flags: object) -> FieldDef:
    """A drop-down; a label that starts with `-` is an item nobody can choose any more."""
    path = f"{object_name}.{name}"
    prefix = "1I00" + digest36("picklist", 14)
    options = tuple(
        Option(
            label=text.removeprefix("-"),
            gsid=prefix + digest36(f"item:{path}:{text.removeprefix('-')}", 18),
            active=not text.startswith("-"),
        )
        for text in labels
    )
    kind = "MULTISELECTDROPDOWNLIST" if flags.pop("many", False) else "PICKLIST"
    category = prefix + digest36(f"category:{path}", 18)
    group = "CUSTOM" if name.endswith("__gc") else "STANDARD"
    return FieldDef(name=name, label=label, type=kind, options=options, category=category, group=group)
