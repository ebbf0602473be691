"""The shapes of a community import: all of it is optional, because the import itself is not."""

# No postponed annotations: pydantic would compile each of them again from its text.
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from reconciler.config import aliasfiles, defaults, regions, shapes
from reconciler.config.parts import SCHEDULE_SCHEMA, AnyKind, Name, Schedule, Strict, Title, shape
from reconciler.model.resources import MatchTerm

MAX_ALIASES = 10_000
"""Written in the document itself; a file takes as many as fit into it."""

ProfileFieldName = Annotated[
    str, Field(min_length=1, max_length=255, description="A profile field that the community's connection declares.")
]
Domain = Annotated[
    str, shape(shapes.mail_domain), Field(json_schema_extra={"pattern": shapes.HOST}, examples=["freemail.example"])
]


class MatchRule(Strict):
    """One rule: a person is found when all of its terms agree."""

    match: list[Literal["email", "phone", "name", "company", "domain"]] = Field(
        min_length=1,
        max_length=len(MatchTerm),
        description="What must agree: email, phone, name, company (beside another), domain (finds a company alone).",
        examples=[["name", "company"]],
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.match)) != len(self.match):
            raise PydanticCustomError(
                "E-VALUE", "a rule names a term twice", {"hint": "keep one of the two", "at": "match"}
            )
        if self.match == ["company"]:
            hint = "write [name, company], or [domain] to find companies"
            raise PydanticCustomError(
                "E-VALUE",
                "`company` tells nobody apart alone: it stands beside another term",
                {"hint": hint, "at": "match"},
            )
        return self


def _rules() -> list[MatchRule]:
    return [MatchRule.model_validate({"match": [term.value for term in rule]}) for rule in defaults.IDENTITY.rules]


class IdentitySpec(Strict):
    """How members are tied to the people and companies of Gainsight CS."""

    rules: list[MatchRule] = Field(
        default=_rules(),
        min_length=1,
        max_length=20,
        description="In this order; the first one that finds exactly one person, or one company, decides.",
    )
    phoneRegion: (
        Annotated[
            str,
            shape(regions.phone_region),
            Field(json_schema_extra={"enum": sorted(regions.REGIONS)}),
            Field(description="The country of telephone numbers without a country code.", examples=["DE"]),
        ]
        | None
    ) = None
    phone: ProfileFieldName | None = Field(default=None, description="The profile field with a telephone number.")
    name: list[ProfileFieldName] = Field(
        default=[],
        max_length=5,
        description="Profile fields that make up a name, in order; without them it is the user name.",
        examples=[["First Name", "Last Name"]],
    )
    company: ProfileFieldName | None = Field(default=None, description="The profile field with the name of a company.")
    similarity: float = Field(
        default=defaults.IDENTITY.similarity,
        ge=0.5,
        le=1,
        description="From which likeness on names that are not equal are suggested, 0.5 to 1.",
    )
    acceptSimilar: bool = Field(
        default=False, description="true: a single suggestion is taken for a match, with a confidence below 1."
    )
    freeMail: list[Domain] = Field(
        default=[],
        max_length=10_000,
        description="Domains that say nothing of a company, besides those that are known.",
    )
    aliasesFile: (
        Annotated[
            str,
            shape(shapes.alias_file, "E-PATH"),
            Field(description="A YAML file of aliases, from the folder of this document.", examples=["aliases.yaml"]),
            Field(json_schema_extra={"pattern": r"\.[yY][aA]?[mM][lL]$"}),
        ]
        | None
    ) = None
    aliases: Mapping[Title, Title] = Field(
        default={},
        max_length=MAX_ALIASES,
        description="An e-mail address, member id or domain → the e-mail address of a person or the name of a company. "
        "They win over the rules.",
        examples=[{"old@acme.com": "new@acme.com", "acme.io": "Acme"}],
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for why, hint, at in self._wrong():
            raise PydanticCustomError("E-VALUE", "{why}", {"why": why, "hint": hint, "at": at})
        for alias, why, hint in self._wrong_aliases():
            raise PydanticCustomError("E-ALIASES", "{why}", {"why": why, "hint": hint, "of": ("aliases", alias)})
        return self

    def _wrong_aliases(self) -> Iterator[tuple[str, str, str]]:
        for alias, meant in self.aliases.items():
            if wrong := aliasfiles.wrong(alias, meant):
                yield alias, f"'{alias}': {wrong[0]}", wrong[1]
        for alias, found in aliasfiles.clashes(self.aliases):
            yield alias, *found

    def _wrong(self) -> Iterator[tuple[str, str, str]]:
        """What does not go together, with a hint and the key."""
        if self.aliasesFile is not None and self.aliases:
            yield "aliases stand in the document or in a file, not in both", "keep one of the two", "aliases"
        seen = [tuple(sorted(rule.match)) for rule in self.rules]
        if len(set(seen)) != len(seen):
            yield "two of these rules are the same", "keep one of the two", "rules"


class ImportSpec(Strict):
    """What an import of a community does otherwise than usual."""

    to: Name | None = Field(
        default=None,
        description="A connection of type gainsight-cs (the one that the community is connected to) or sql. "
        "Default: the CS tenant that it is connected to.",
    )
    schedule: Annotated[Schedule, WithJsonSchema({**SCHEDULE_SCHEMA, "default": {"every": defaults.IMPORT_EVERY}})] = (
        Schedule(every=defaults.IMPORT_EVERY)
    )
    fullEvery: int = Field(
        default=defaults.IMPORT.full_every,
        ge=1,
        le=1_000,
        description="Every n-th run reads everything; the others read what changed.",
    )
    refreshMembers: int = Field(
        default=defaults.IMPORT.refresh_members,
        ge=0,
        le=1_000_000,
        description="Members that a complete pass reads one by one although the list shows no change, oldest first.",
    )
    identity: IdentitySpec = Field(default=IdentitySpec(), description="How members are tied to people and companies.")


class CommunityImport(AnyKind):
    """Tunes the import of a connected community, which happens with or without it. It has the name of the connection."""

    kind: Literal["CommunityImport"]
    spec: ImportSpec
