"""Companies, their relationships, the tenant's own users, and a few rows of the custom objects."""

from __future__ import annotations

import functools
from typing import Any

from reconciler.sandbox.cs.catalog import INDUSTRIES
from reconciler.sandbox.seed import words
from reconciler.sandbox.seed.load import Loader

PEOPLE_PER_COMPANY = 20
USERS = 12
TYPES = ("Subscription", "Services")


def count(people: int) -> int:
    return max(1, -(-people // PEOPLE_PER_COMPANY))


def name(index: int) -> str:
    """`Northwind Robotics`, and `Northwind Robotics 2` once the words are used up."""
    firsts, seconds = words.COMPANY_FIRST, words.COMPANY_SECOND
    base = f"{firsts[index % len(firsts)]} {seconds[index // len(firsts) % len(seconds)]}"
    round_ = index // (len(firsts) * len(seconds))
    return f"{base} {round_ + 1}" if round_ else base


@functools.lru_cache(maxsize=8)
def domain(index: int) -> str:
    return name(index).lower().replace(" ", "-") + ".example"


def load(loader: Loader) -> list[str]:
    """Load everything people hang on; returns the GSIDs of the users who own records."""
    staff = _users(loader)
    companies = _companies(loader, staff)
    _relationships(loader, staff, companies)
    _customs(loader, staff, companies)
    return staff


def system(loader: Loader, gsid: str, owner: str) -> dict[str, Any]:
    """The five attributes every record has."""
    created = loader.moment_ms(-900, -60)
    changed = min(created + int(loader.random() * 60 * 86_400_000), loader.moment_ms(-60, 0))
    return {"Gsid": gsid, "CreatedBy": owner, "ModifiedBy": owner, "CreatedDate": created, "ModifiedDate": changed}


def _users(loader: Loader) -> list[str]:
    definition = loader.object("gsuser")
    make = loader.ids.maker(definition)
    records = []
    for n in range(USERS):
        first, last = words.FIRST[(n * 7) % len(words.FIRST)], words.LAST[(n * 11) % len(words.LAST)]
        record = system(loader, make(n), make(0))
        record |= {"Name": f"{first[0]} {last[0]}", "FirstName": first[0], "LastName": last[0]}
        record |= {"Email": f"{first[1]}.{last[1]}@vendor.example", "Title": "Customer Success Manager"}
        records.append(record | {"Timezone": "Europe/Amsterdam", "IsActiveUser": n != USERS - 1})
    loader.insert(definition, records)
    loader.ids.used(definition, USERS)
    return [str(record["Gsid"]) for record in records]


def _companies(loader: Loader, staff: list[str]) -> list[str]:
    definition = loader.object("company")
    make = loader.ids.maker(definition)
    total = count(loader.config.people)
    records = [_company(loader, n, make(n), staff) for n in range(total)]
    for n in range(9, total, 10):
        records[n]["ParentCompany"] = make(n - 9)
    loader.insert(definition, records)
    loader.ids.used(definition, total)
    return [str(record["Gsid"]) for record in records]


def _company(loader: Loader, index: int, gsid: str, staff: list[str]) -> dict[str, Any]:
    fields = loader.object("company").fields
    arr = round(5_000 + loader.random() * 495_000, 2)
    return system(loader, gsid, staff[0]) | {
        "Name": name(index),
        "Arr": loader.maybe(arr),
        "Mrr": loader.maybe(round(arr / 12, 2)),
        "Employees": loader.maybe(10 + int(loader.random() * 9_000)),
        "Users": 5 + int(loader.random() * 400),
        "Nps": loader.maybe(int(loader.random() * 11)),
        "Industry": loader.pick(INDUSTRIES),
        "IndustryNew": loader.items(fields["IndustryNew"]),
        "CompanyType": loader.item(fields["CompanyType"]),
        "Stage": loader.item(fields["Stage"]),
        "Status": loader.item(fields["Status"]),
        "Tags": loader.maybe(loader.items(fields["Tags"])),
        "OriginalContractDate": loader.day_ms(-1_500, -100),
        "RenewalDate": loader.maybe(loader.day_ms(-30, 365)),
        "Summary": loader.maybe(f"<p>{name(index)} is a <b>valued</b> customer.</p>"),
        "BillingAddress": f"{1 + index % 200} Example Street",
        "Csm": loader.pick(staff),
        "Region__gc": loader.pick(words.REGIONS),
    }


def _relationships(loader: Loader, staff: list[str], companies: list[str]) -> None:
    types, relationship = loader.object("relationship_type"), loader.object("relationship")
    make_type, make = loader.ids.maker(types), loader.ids.maker(relationship)
    described = enumerate(TYPES)
    loader.insert(types, [system(loader, make_type(n), staff[0]) | {"Name": text} for n, text in described])
    loader.ids.used(types, len(TYPES))
    records = []
    for n, company in enumerate(companies[::3]):
        record = system(loader, make(n), staff[0])
        record |= {"Name": f"{name(n * 3)} {TYPES[n % 2]}", "CompanyId": company, "TypeId": make_type(n % 2)}
        record |= {"Csm": loader.pick(staff), "Mrr": round(loader.random() * 9_000, 2)}
        record |= {"Stage": loader.item(relationship.fields["Stage"])}
        record |= {"Status": loader.item(relationship.fields["Status"]), "External_Id__gc": f"REL-{n:05d}"}
        records.append(record)
    loader.insert(relationship, records)
    loader.ids.used(relationship, len(records))


def _customs(loader: Loader, staff: list[str], companies: list[str]) -> None:
    definition = loader.object("Onboarding__gc")
    make = loader.ids.maker(definition)
    records = []
    for n, company in enumerate(companies[:200]):
        record = system(loader, make(n), staff[0])
        record |= {"Name": f"Onboarding {n + 1}", "External_Id__gc": f"OB-{n + 1:04d}", "Company__gc": company}
        record |= {"Owner__gc": loader.pick(staff), "Phase__gc": loader.item(definition.fields["Phase__gc"])}
        record |= {"Go_Live__gc": loader.day_ms(0, 200), "Hours__gc": round(loader.random() * 80, 2)}
        record |= {"Blocked__gc": int(loader.random() < 0.2), "Progress__gc": round(loader.random() * 100, 1)}
        records.append(record)
    loader.insert(definition, records)
    loader.ids.used(definition, len(records))
