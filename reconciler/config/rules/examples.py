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


def mapping(*items: str, name: str = "acme-profile", to: str = "acme-community", from_: str = "acme-cs") -> str:
    """A ProfileFieldMapping document with one line for each item."""
    lines = "".join(f"    - {{{item}}}\n" for item in items)
    head = f"apiVersion: reconciler/v1\nkind: ProfileFieldMapping\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  from: {from_}\n  to: {to}\n  mappings:\n{lines}"


def _field(name: str, label: str, data_type: DataType, lookup: str | None = None) -> CatalogField:
    return CatalogField(name=name, label=label, data_type=data_type, lookup=lookup is not None, lookup_reason=lookup)


_PERSON = (
    _field("Name", "Name", DataType.STRING),
    _field("Email", "Email", DataType.EMAIL),
    _field("Photo", "Photo", DataType.IMAGE),
)
_COMPANY_PERSON = (
    _field("Title", "Title", DataType.STRING),
    _field("Region__gc", "Region", DataType.PICKLIST),
    _field("Seats__gc", "Seats", DataType.NUMBER),
    _field("Company_ID", "Company", DataType.GSID, "it points to a Company"),
)

CATALOG = Catalog(
    connection="acme-cs",
    objects={
        "Person": CatalogObject(name="person", label="Person", fields={field.name: field for field in _PERSON}),
        "Company Person": CatalogObject(
            name="company_person", label="Company Person", fields={field.name: field for field in _COMPANY_PERSON}
        ),
    },
)
