"""Pinned metadata of a remote system: objects, fields, picklist items. What validation knows without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DataType(StrEnum):
    """Data types of Gainsight CS fields, as its describe API names them."""

    STRING = "STRING"
    RICHTEXTAREA = "RICHTEXTAREA"
    EMAIL = "EMAIL"
    URL = "URL"
    NUMBER = "NUMBER"
    CURRENCY = "CURRENCY"
    PERCENTAGE = "PERCENTAGE"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    DATETIME = "DATETIME"
    GSID = "GSID"
    SFDCID = "SFDCID"
    LOOKUP = "LOOKUP"
    PICKLIST = "PICKLIST"
    MULTISELECT = "MULTISELECTDROPDOWNLIST"
    IMAGE = "IMAGE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogField:
    """One field of an object.

    `lookup` is the verdict of the full lookup test, made when the metadata was read; `lookup_reason` says which sign gave it
    away. `options` maps picklist item ids to their labels, inactive items included, because old records still hold them.
    `lookup_object` is the API name of the object that a lookup points to. What is only of interest to somebody who writes the
    field is None in catalogs that were pulled before anybody did.
    """

    name: str
    label: str
    data_type: DataType
    lookup: bool = False
    lookup_reason: str | None = None
    decimal_places: int | None = None
    hidden: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    required: bool | None = None
    read_only: bool | None = None
    createable: bool | None = None
    length: int | None = None
    lookup_object: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogObject:
    """One object: `name` as the API spells it, `label` as admins know it and write it in YAML.

    What only a writer asks for is None in catalogs that were pulled before anybody wrote: whether it is a `custom` object,
    whether it is of low volume (the API takes no others), and whether its records may be edited.
    """

    name: str
    label: str
    fields: Mapping[str, CatalogField]
    custom: bool | None = None
    low_volume: bool | None = None
    editable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenProfileField:
    """A profile field that at least one community user had a value for."""

    name: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What is known of one connection. `objects` is keyed by label; a community has `profile_fields` instead.

    `users_read` says on how much the list of profile fields rests: a field that nobody filled in cannot be seen.
    """

    connection: str
    objects: Mapping[str, CatalogObject] = field(default_factory=dict)
    profile_fields: Mapping[str, SeenProfileField] = field(default_factory=dict)
    users_read: int = 0
