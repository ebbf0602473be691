"""What the examples of the rules stand beside: two connections, a catalog, and a way to write a mapping in one line."""

from __future__ import annotations

from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
spec:
  configs: [config]
"""

CS = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-cs}
spec:
  type: gainsight-cs
  domain: acme.gainsightcloud.com
  accessKey: {env: ACME_CS_KEY}
  sso: true
"""

CC = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-community}
spec:
  type: gainsight-cc
  tenant: acme
  region: eu-west-1
  clientId: {env: ACME_CC_ID}
  clientSecret: {file: /run/secrets/acme_cc}
  sso: true
  connectedTo: acme-cs
  profileFields:
    - {name: Job Title, visibility: private}
    - {name: Region, type: dropdown, visibility: private}
    - {name: Seats, type: number, visibility: private}
"""

BASE = {"acme-cs": CS, "acme-community": CC}

WAREHOUSE = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: warehouse}
spec:
  type: sql
  dialect: postgresql
  url: {env: WAREHOUSE_URL}
"""

SELECT = "SELECT name, email, stage, employees, renewal, csm FROM crm.accounts"


def model(query: str = f"sql: {SELECT}", *, name: str = "accounts", key: str = "[name]", rest: str = "") -> str:
    """A Model document."""
    head = f"apiVersion: reconciler/v1\nkind: Model\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  connection: warehouse\n  {query}\n  key: {key}\n{rest}"


MODELS = {"config/warehouse.yaml": WAREHOUSE, "config/accounts.yaml": model()}
"""What examples of Syncs stand beside."""


def sync(
    *fields: str,
    name: str = "companies",
    object: str = "Company",
    key: str = "{Name: name}",
    behavior: str = "update-or-create",
    rest: str = "",
) -> str:
    """A Sync document with one line for each field."""
    lines = "".join(f"    - {{{field}}}\n" for field in fields or (STAGE,))
    head = f"apiVersion: reconciler/v1\nkind: Sync\nmetadata: {{name: {name}}}\n"
    ends = f"  from: {{model: accounts}}\n  to: {{connection: acme-cs, object: {object}}}\n"
    return f"{head}spec:\n{ends}  behavior: {behavior}\n  key: {key}\n{rest}  fields:\n{lines}"


STAGE = "column: stage, field: Stage"


def mapping(*items: str, name: str = "acme-profile", to: str = "acme-community", from_: str = "acme-cs") -> str:
    """A ProfileFieldMapping document with one line for each item."""
    lines = "".join(f"    - {{{item}}}\n" for item in items)
    head = f"apiVersion: reconciler/v1\nkind: ProfileFieldMapping\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  from: {from_}\n  to: {to}\n  mappings:\n{lines}"


def community_import(rest: str = "", *, name: str = "acme-community") -> str:
    """A CommunityImport document."""
    head = f"apiVersion: reconciler/v1\nkind: CommunityImport\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n{rest}" if rest else f"{head}spec: {{}}\n"


def _field(
    name: str,
    label: str,
    data_type: DataType,
    lookup: str | None = None,
    *,
    required: bool = False,
    fixed: bool = False,
) -> CatalogField:
    return CatalogField(
        name=name,
        label=label,
        data_type=data_type,
        lookup=lookup is not None,
        lookup_reason=lookup,
        required=required,
        read_only=fixed,
        createable=not fixed,
        length=20 if name == "TickerSymbol" else None,
        options={"1I00A": "Launched", "1I00B": "Churn"} if data_type is DataType.PICKLIST else {},
    )


_PERSON = (
    _field("Name", "Name", DataType.STRING),
    _field("Email", "Email", DataType.EMAIL),
    _field("Photo", "Photo", DataType.IMAGE),
)
_COMPANY_PERSON = (
    _field("Title", "Title", DataType.STRING),
    _field("Region__gc", "Region", DataType.PICKLIST),
    _field("Seats__gc", "Seats", DataType.NUMBER),
    _field("Company_ID", "Company", DataType.GSID, "it points to a Company", required=True),
)
_COMPANY = (
    _field("Gsid", "GSID", DataType.GSID, fixed=True),
    _field("Name", "Name", DataType.STRING, required=True),
    _field("Stage", "Stage", DataType.PICKLIST),
    _field("Employees", "Employees", DataType.NUMBER),
    _field("RenewalDate", "Renewal Date", DataType.DATE),
    _field("TickerSymbol", "Ticker Symbol", DataType.STRING),
    _field("Csm", "CSM", DataType.LOOKUP, "its data type is LOOKUP"),
    _field("ModifiedDate", "GS Modified Date", DataType.DATETIME, fixed=True),
)
_ONBOARDING = (
    _field("External_Id__gc", "External Id", DataType.STRING),
    _field("Name", "Name", DataType.STRING, required=True),
    _field("Progress__gc", "Progress", DataType.PERCENTAGE),
    _field("Go_Live__gc", "Go-live Date", DataType.DATE),
    _field("Company__gc", "Company", DataType.LOOKUP, "its data type is LOOKUP"),
    _field("Hours__gc", "Hours", DataType.NUMBER),
)


def _object(name: str, label: str, fields: tuple[CatalogField, ...], **facts: bool) -> CatalogObject:
    return CatalogObject(
        name=name,
        label=label,
        fields={field.name: field for field in fields},
        custom=facts.get("custom", False),
        low_volume=facts.get("low_volume"),
        editable=facts.get("custom"),
    )


CATALOG = Catalog(
    connection="acme-cs",
    objects={
        "Person": _object("person", "Person", _PERSON),
        "Company Person": _object("company_person", "Company Person", _COMPANY_PERSON),
        "Company": _object("company", "Company", _COMPANY),
        "Onboarding": _object("Onboarding__gc", "Onboarding", _ONBOARDING, custom=True, low_volume=True),
        "Feature Usage": _object("Feature_Usage__gc", "Feature Usage", _ONBOARDING, custom=True, low_volume=False),
    },
)
