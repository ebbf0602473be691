"""Writes what is generated in `examples/configs/`, or with `--check` says what is out of date.

    sandbox/          all of it: what `reconcile init --sandbox` writes, and what `reconcile catalog pull` then pins
    warehouse/        its catalog, pulled from the sandbox
    communities/      its catalogs, pulled from a sandbox with irregular people
    profile-fields/   its catalogs: invented metadata of an invented company

Equal code gives equal files: the sandbox's data depend on its seed and size, the invented ids on their names.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.cli.story import SECRETS
from reconciler.config import catalogs
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType, SeenProfileField
from reconciler.sandbox import Sandbox, SandboxConfig

ROOT = Path(__file__).parents[1]

EXAMPLES = ROOT / "examples" / "configs"
PEOPLE = 200
"""As many as `reconcile demo` has."""
SANDBOXES = {
    "warehouse": SandboxConfig(people=PEOPLE, quirks=False, community_objects=False),
    "communities": SandboxConfig(people=PEOPLE),
}
"""Those that the catalogs of examples are pulled from."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is out of date")
    check = arguments.parse_args().check
    files = dict(generated())
    stale = sorted(path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text)
    for path in stale:
        print(f"{'out of date' if check else 'wrote'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], "utf-8")
    return 1 if check and stale else 0


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file with the content that it must have."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "sandbox"
        _reconcile("init", str(made), "--sandbox")
        for path in _files(made):
            yield EXAMPLES / "sandbox" / path.relative_to(made), path.read_text("utf-8")
        for path in _pulled(Path(folder)):
            yield EXAMPLES / "sandbox" / "catalog" / path.name, path.read_text("utf-8")
        for name, config in SANDBOXES.items():
            for path in _pulled_for(name, Path(folder), config):
                yield EXAMPLES / name / "catalog" / path.name, path.read_text("utf-8")
    for catalog in profile_fields():
        yield EXAMPLES / "profile-fields" / "catalog" / f"{catalog.connection}.json", catalogs.to_text(catalog)


def _pulled(folder: Path) -> list[Path]:
    """The catalogs that the same project pulls from a running sandbox, wherever that listens."""
    from reconciler.cli.projects import write_project

    project = folder / "running"
    with Sandbox(SandboxConfig(people=PEOPLE, quirks=False)) as sandbox:
        values = {"cs_url": sandbox.cs_url, "cc_url": sandbox.cc_url, "folders": "connections, mappings"}
        write_project(project, ["sandbox"], values)
        _reconcile("catalog", "pull", "--project", str(project))
    return _files(project / "catalog")


def _pulled_for(name: str, folder: Path, config: SandboxConfig) -> list[Path]:
    """The catalogs of an example, pulled from a running sandbox."""
    project = Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("catalog", "var")))
    connection = project / "connections" / "gainsight.yaml"
    with Sandbox(config) as sandbox:
        text = connection.read_text("utf-8").replace("http://127.0.0.1:9401", sandbox.cs_url)
        connection.write_text(text.replace("http://127.0.0.1:9402", sandbox.cc_url), "utf-8")
        _reconcile("catalog", "pull", "--project", str(project))
    return _files(project / "catalog")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _reconcile(*arguments: str) -> None:
    command = [sys.executable, "-m", "reconciler", *arguments]
    subprocess.run(command, env={**os.environ, **SECRETS}, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


# -- the invented company of profile-fields/


def profile_fields() -> Iterator[Catalog]:
    """The catalogs of Northlight: a CS tenant and two communities."""
    yield Catalog(connection="northlight-cs", objects={label: _object(label) for label in OBJECTS})
    yield _community("northlight-customers", 50, [*STANDARD, "Plan", "Lifecycle Stage", "Products", "Champion"])
    yield _community("northlight-partners", 50, [*STANDARD, "Partner Tier", "Certified Until", "Seats Sold"])


STANDARD = ["First Name", "Last Name", "City", "Country", "Company", "Job Title"]

Described = Mapping[str, tuple[str, DataType, tuple[str, ...]]]
"""API name → label, data type and picklist items."""

LOOKUP = ("lookup",)

OBJECTS: Mapping[str, Described] = {
    "Person": {
        "Gsid": ("GSID", DataType.GSID, ()),
        "Email": ("Email", DataType.EMAIL, ()),
        "Name": ("Name", DataType.STRING, ()),
        "FirstName": ("First Name", DataType.STRING, ()),
        "LastName": ("Last Name", DataType.STRING, ()),
        "Timezone": ("Timezone", DataType.PICKLIST, ("America/Chicago", "Europe/Berlin", "Europe/London")),
        "City__gc": ("City", DataType.STRING, ()),
        "Country__gc": ("Country", DataType.PICKLIST, ("France", "Germany", "United Kingdom", "United States")),
        "Certified_Until__gc": ("Certified Until", DataType.DATE, ()),
        "Advocate_Manager__gc": ("Advocate Manager", DataType.LOOKUP, LOOKUP),
    },
    "Company Person": {
        "Gsid": ("GSID", DataType.GSID, ()),
        "Person_ID": ("Person", DataType.LOOKUP, LOOKUP),
        "Company_ID": ("Company", DataType.LOOKUP, LOOKUP),
        "IsPrimaryCompany": ("Is Primary Company", DataType.BOOLEAN, ()),
        "Title": ("Title", DataType.STRING, ()),
        "Role": ("Role", DataType.PICKLIST, ("Administrator", "Decision Maker", "User")),
        "Plan__gc": ("Plan", DataType.PICKLIST, ("Enterprise", "Free", "Team")),
        "Lifecycle_Stage__gc": ("Lifecycle Stage", DataType.PICKLIST, ("Adoption", "Churned", "Onboarding", "Renewal")),
        "Products__gc": ("Products", DataType.MULTISELECT, ("Analytics", "Automation", "Mobile")),
        "Is_Champion__gc": ("Is Champion", DataType.BOOLEAN, ()),
        "Partner_Tier__gc": ("Partner Tier", DataType.PICKLIST, ("Bronze", "Gold", "Silver")),
        "Seats_Sold__gc": ("Seats Sold", DataType.NUMBER, ()),
    },
}


def _object(label: str) -> CatalogObject:
    fields = {name: _field(name, *described) for name, described in OBJECTS[label].items()}
    return CatalogObject(name=label.lower().replace(" ", "_"), label=label, fields=fields)


def _field(name: str, label: str, data_type: DataType, items: tuple[str, ...]) -> CatalogField:
    lookup = items == LOOKUP
    return CatalogField(
        name=name,
        label=label,
        data_type=data_type,
        lookup=lookup,
        lookup_reason="its data type is LOOKUP" if lookup else None,
        decimal_places=0,
        options={} if lookup else {_gsid(name, item): item for item in items},
    )


def _gsid(field: str, item: str) -> str:
    """An id that looks like one of Gainsight's and is always the same."""
    return "1I00" + hashlib.sha256(f"{field}/{item}".encode()).hexdigest()[:32].upper()


def _community(connection: str, users: int, fields: list[str]) -> Catalog:
    seen = {name: SeenProfileField(name=name, id=number) for number, name in enumerate(fields, 1)}
    return Catalog(connection=connection, profile_fields=seen, users_read=users)


if __name__ == "__main__":
    sys.exit(main())
