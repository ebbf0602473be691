"""The tenant's schema: standard objects with custom attributes of every data type, and three custom objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.sandbox.config import SandboxConfig, SandboxError, tenant
from reconciler.sandbox.cs import imported
from reconciler.sandbox.cs.fields import FieldDef, ObjectDef, define, picklist

LIFECYCLE = ("Onboarding", "Adoption", "Expansion", "Renewal", "At Risk", "-Legacy Pilot")
PRODUCTS = ("Analytics", "Automation", "Connect", "Insights", "Mobile", "-Classic")
STAGES = ("New Customer", "Kicked Off", "Launched", "Adopting", "Will Churn", "Churn")
STATUSES = ("Active", "Inactive", "Churn")
COMPANY_TYPES = ("Customer", "Prospect", "Partner")
LANGUAGES = ("English", "German", "French", "Spanish", "Japanese")
INTERESTS = ("Best practices", "Events", "Product news", "Research", "Webinars")
PHASES = ("Planned", "In Progress", "Done")
INDUSTRIES = ("Software", "Manufacturing", "Retail", "Healthcare", "Finance", "Energy", "Education", "Logistics")


def _std(name: str, label: str, kind: str, **flags: object) -> FieldDef:
    return FieldDef(name=name, label=label, type=kind, **flags)  # type: ignore[arg-type]


def _gc(name: str, label: str, kind: str, **flags: object) -> FieldDef:
    return FieldDef(name=f"{name}__gc", label=label, type=kind, group="CUSTOM", **flags)  # type: ignore[arg-type]


def _system() -> list[FieldDef]:
    system = {"group": "SYSTEM", "read_only": True}
    return [
        _std("Gsid", "GSID", "GSID", **system),
        _std("CreatedBy", "GS Created By", "LOOKUP", target="gsuser", **system),
        _std("ModifiedBy", "GS Modified By", "LOOKUP", target="gsuser", **system),
        _std("CreatedDate", "GS Created Date", "DATETIME", **system),
        _std("ModifiedDate", "GS Modified Date", "DATETIME", **system),
    ]


def _company() -> ObjectDef:
    fields = [
        *_system(),
        _std("Name", "Name", "STRING", required=True),
        _std("Arr", "ARR", "CURRENCY", decimals=2),
        _std("Mrr", "MRR", "CURRENCY", decimals=2),
        _std("Employees", "Employees", "NUMBER"),
        _std("Users", "Users", "NUMBER"),
        _std("Nps", "NPS", "NUMBER", read_only=True),
        _std("Industry", "Industry", "STRING"),
        picklist("company", "IndustryNew", "Industry (New)", INDUSTRIES, many=True),
        picklist("company", "CompanyType", "Company Type", COMPANY_TYPES),
        picklist("company", "Stage", "Stage", STAGES),
        picklist("company", "Status", "Status", STATUSES),
        picklist("company", "Tags", "Tags", ("Strategic", "Reference", "Beta"), many=True),
        _std("OriginalContractDate", "Original Contract Date", "DATE"),
        _std("RenewalDate", "Renewal Date", "DATE"),
        _std("Summary", "Summary", "RICHTEXTAREA", length=32_000),
        _std("TickerSymbol", "Ticker Symbol", "STRING", length=20),
        _std("BillingAddress", "Billing Address", "STRING"),
        _std("SfdcAccountId", "SFDC Account Id", "SFDCID", length=18),
        _std("Image", "Image", "IMAGE"),
        _std("Csm", "CSM", "LOOKUP", target="gsuser"),
        _std("ParentCompany", "Parent Company", "GSID", target="company", self_lookup=True),
        _gc("Region", "Region", "STRING"),
    ]
    return define(
        "company", "Company", "Companies", "STANDARD", key="1P02", fields=fields, transactional=True, writable=True
    )


def _person(phones: bool) -> ObjectDef:
    fields = [
        *_system(),
        _std("Name", "Name", "STRING"),
        _std("FirstName", "First Name", "STRING"),
        _std("MiddleName", "Middle Name", "STRING"),
        _std("LastName", "Last Name", "STRING"),
        _std("Email", "Email", "EMAIL", required=True),
        _std("LinkedinUrl", "LinkedIn URL", "URL", length=1000),
        _std("Location", "Location", "STRING"),
        _std("Timezone", "Timezone", "STRING"),
        _std("Comments", "Comments", "STRING"),
        _std("EmailOptOut", "Email Opt Out", "BOOLEAN"),
        _std("DynamicResolutionKey", "Dynamic Resolution Key", "STRING", group="SYSTEM", read_only=True),
        _std("MasterRecordID", "Master Record ID", "STRING", group="SYSTEM", read_only=True),
        _std("MasterAvatarTypeCode", "Master Avatar Type Code", "NUMBER", group="SYSTEM", read_only=True, hidden=True),
        _std("GsIngestionSource", "GS Ingestion Source", "STRING", group="SYSTEM", read_only=True),
        _gc("ExternalRecordID", "External Record ID", "STRING"),
        _gc("Country", "Country", "STRING"),
        _gc("City", "City", "STRING"),
        picklist("person", "Preferred_Language__gc", "Preferred Language", LANGUAGES),
        picklist("person", "Interests__gc", "Interests", INTERESTS, many=True),
        _gc("Years_Experience", "Years of Experience", "NUMBER"),
        _gc("Engagement_Score", "Engagement Score", "PERCENTAGE", decimals=1),
        _gc("Event_Budget", "Event Budget", "CURRENCY", decimals=2),
        _gc("Newsletter", "Newsletter", "BOOLEAN"),
        _gc("Certified_On", "Certified On", "DATE"),
        _gc("Last_Seen", "Last Seen", "DATETIME"),
        _gc("Alternate_Email", "Alternate Email", "EMAIL"),
        _gc("Website", "Website", "URL", length=1000),
        _gc("Biography", "Biography", "RICHTEXTAREA", length=32_000),
        _gc("Advocate_Manager", "Advocate Manager", "LOOKUP", target="gsuser"),
        *([_gc("Phone", "Phone", "STRING")] if phones else []),
    ]
    return define("person", "Person", "People", "STANDARD", key="1P0R", fields=fields)


def _company_person() -> ObjectDef:
    fields = [
        *_system(),
        _std("Person_ID", "Person", "LOOKUP", target="person", required=True),
        _std("Company_ID", "Company", "LOOKUP", target="company", required=True),
        _std("Manager", "Manager", "LOOKUP", target="company_person"),
        _std("Title", "Title", "STRING"),
        _std("Role", "Role", "STRING"),
        _std("Active", "Active", "BOOLEAN"),
        _std("IsPrimaryCompany", "Is Primary Company", "BOOLEAN"),
        _std("EmailCompany", "Company Email", "EMAIL"),
        _std("LastNpsScore", "Last NPS Score", "NUMBER", group="SYSTEM", read_only=True),
        _gc("Department", "Department", "STRING"),
        _gc("Region", "Region", "STRING"),
        picklist("company_person", "Lifecycle_Stage__gc", "Lifecycle Stage", LIFECYCLE),
        picklist("company_person", "Products__gc", "Products", PRODUCTS, many=True),
        _gc("Renewal_Date", "Renewal Date", "DATE"),
        _gc("Last_Login", "Last Login", "DATETIME"),
        _gc("Seats", "Seats", "NUMBER"),
        _gc("Contract_Value", "Contract Value", "CURRENCY", decimals=2),
        _gc("Health_Score", "Health Score", "PERCENTAGE", decimals=1),
        _gc("Is_Champion", "Is Champion", "BOOLEAN"),
        _gc("Work_Email", "Work Email", "EMAIL"),
        _gc("Profile_Url", "Profile URL", "URL", length=1000),
        _gc("Notes", "Notes", "RICHTEXTAREA", length=32_000),
        _gc("Salesforce_Contact", "Salesforce Contact Id", "SFDCID", length=18),
        _gc("Account_Owner", "Account Owner", "LOOKUP", target="gsuser"),
    ]
    return define(
        "company_person",
        "Company Person",
        "Company People",
        "STANDARD",
        key="1C01",
        fields=fields,
        name_field="EmailCompany",
    )


def _relationship() -> ObjectDef:
    fields = [
        *_system(),
        _std("Name", "Name", "STRING", required=True),
        _std("CompanyId", "Company", "LOOKUP", target="company", required=True),
        _std("TypeId", "Relationship Type", "LOOKUP", target="relationship_type", required=True),
        _std("Csm", "CSM", "LOOKUP", target="gsuser"),
        _std("Mrr", "MRR", "CURRENCY", decimals=2),
        picklist("relationship", "Stage", "Stage", STAGES),
        picklist("relationship", "Status", "Status", STATUSES),
        _std("Logo", "Logo", "IMAGE"),
        _gc("External_Id", "External Id", "STRING"),
    ]
    return define(
        "relationship",
        "Relationship",
        "Relationships",
        "STANDARD",
        key="1P05",
        fields=fields,
        transactional=True,
        writable=True,
    )


def _relationship_person() -> ObjectDef:
    fields = [
        *_system(),
        _std("Person_ID", "Person", "LOOKUP", target="person", required=True),
        _std("Company_ID", "Company", "LOOKUP", target="company", required=True),
        _std("Relationship_ID", "Relationship", "LOOKUP", target="relationship", required=True),
        _std("Title", "Title", "STRING"),
        _std("Role", "Role", "STRING"),
        _std("IsPrimaryCompany", "Is Primary Company", "BOOLEAN"),
        _std("LastNpsScore", "Last NPS Score", "NUMBER", group="SYSTEM", read_only=True),
        _gc("Department", "Department", "STRING"),
        _gc("Seats", "Seats", "NUMBER"),
    ]
    return define(
        "relationship_person",
        "Relationship Person",
        "Relationship People",
        "STANDARD",
        key="1C03",
        fields=fields,
        name_field="Title",
    )


def _small_objects() -> list[ObjectDef]:
    users = [
        *_system(),
        _std("Name", "Name", "STRING", required=True),
        _std("FirstName", "First Name", "STRING"),
        _std("LastName", "Last Name", "STRING"),
        _std("Email", "Email", "EMAIL", required=True),
        _std("Title", "Title", "STRING"),
        _std("Timezone", "Timezone", "STRING"),
        _std("IsActiveUser", "Active User", "BOOLEAN"),
    ]
    types = [*_system(), _std("Name", "Name", "STRING", required=True), _std("Description", "Description", "STRING")]
    log = [
        _std("Gsid", "GSID", "GSID", group="SYSTEM", read_only=True),
        _std("ObjectName", "Object Name", "STRING", read_only=True),
        _std("RecordId", "Record Id", "STRING", read_only=True),
        _std("DeletedOn", "Deleted On", "DATETIME", read_only=True),
    ]
    return [
        define("gsuser", "User", "Users", "SYSTEM", key="1P01", fields=users),
        define("relationship_type", "Relationship Type", "Relationship Types", "SYSTEM", key="1P06", fields=types),
        define("record_delete_log", "Record Delete Log", "Record Delete Logs", "SYSTEM", key="1P0L", fields=log,
               name_field="RecordId"),
    ]  # fmt: skip


def _onboarding() -> ObjectDef:
    name = "Onboarding__gc"
    fields = [
        *_system(),
        _std("Name", "Name", "STRING", required=True, group="CUSTOM"),
        _gc("External_Id", "External Id", "STRING"),
        _gc("Company", "Company", "LOOKUP", target="company"),
        _gc("Owner", "Owner", "LOOKUP", target="gsuser"),
        picklist(name, "Phase__gc", "Phase", PHASES),
        picklist(name, "Modules__gc", "Modules", PRODUCTS, many=True),
        _gc("Go_Live", "Go-live Date", "DATE"),
        _gc("Started_At", "Started At", "DATETIME"),
        _gc("Hours", "Hours", "NUMBER", decimals=2),
        _gc("Budget", "Budget", "CURRENCY", decimals=2),
        _gc("Progress", "Progress", "PERCENTAGE", decimals=1),
        _gc("Blocked", "Blocked", "BOOLEAN"),
        _gc("Contact_Email", "Contact Email", "EMAIL"),
        _gc("Plan_Url", "Plan URL", "URL", length=1000),
        _gc("Remarks", "Remarks", "RICHTEXTAREA", length=32_000),
    ]
    return define(
        name, "Onboarding", "Onboardings", "CUSTOM", key="1Z0A", fields=fields, transactional=True, writable=True
    )


def _other_customs() -> list[ObjectDef]:
    training = [
        *_system(),
        _std("Name", "Name", "STRING", required=True, group="CUSTOM"),
        _gc("Attendee_Email", "Attendee Email", "EMAIL"),
        _gc("Completed_On", "Completed On", "DATE"),
        _gc("Score", "Score", "NUMBER"),
    ]
    usage = [
        *_system(),
        _std("Name", "Name", "STRING", required=True, group="CUSTOM"),
        _gc("Events", "Events", "NUMBER"),
        _gc("Day", "Day", "DATE"),
    ]
    return [
        define(
            "Training__gc",
            "Training",
            "Trainings",
            "CUSTOM",
            key="1Z0B",
            fields=training,
            transactional=True,
            writable=True,
        ),
        # High volume: listed and described, but the data API does not know it.
        define(
            "Feature_Usage__gc", "Feature Usage", "Feature Usage", "CUSTOM", key="1Z0C", fields=usage, queryable=False
        ),
    ]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Objects by lower-case name; paths name them in any case.

    `imported` has the objects of a community import by label, those that were left out included.
    """

    objects: dict[str, ObjectDef]
    imported: dict[str, ObjectDef] = field(default_factory=dict)

    def find(self, name: str) -> ObjectDef | None:
        return self.objects.get(name.lower())

    def target(self, field: FieldDef) -> ObjectDef:
        """The object a lookup points at. KeyError when the field is no lookup."""
        return self.objects[str(field.target)]

    def put(self, item: ObjectDef) -> None:
        """Add an object, or put another shape of it in its place."""
        self.objects[item.name.lower()] = item

    def tables(self) -> list[ObjectDef]:
        """Every object that has a table, described or not."""
        return list(({item.name: item for item in self.objects.values()} | _named(self.imported)).values())


def _named(objects: dict[str, ObjectDef]) -> dict[str, ObjectDef]:
    return {item.name: item for item in objects.values()}


def build(config: SandboxConfig, profile: Iterable[str]) -> Catalog:
    """The schema of the tenant. `profile` names the profile fields of its communities. SandboxError: no such object."""
    defined = [
        _company(),
        _company_person(),
        _person(phones=config.quirks),
        _relationship(),
        _relationship_person(),
        *_small_objects(),
        _onboarding(),
        *_other_customs(),
    ]
    tenants = [tenant(number) for number in range(1, config.communities + 1)]
    made = imported.objects(_system(), tenants, profile)
    unknown = [label for label in config.missing_objects if label not in made]
    if unknown:
        raise SandboxError(f"there is no object {unknown[0]!r} to leave out", f"there are: {', '.join(made)}")
    if config.community_objects:
        defined += [item for label, item in made.items() if label not in config.missing_objects]
    return Catalog({item.name.lower(): item for item in defined}, made)
