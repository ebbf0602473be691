"""Models and Syncs on their way through plan and apply into the state, and out of it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.config import catalogs
from reconciler.config.load import LoadedProject, load_project
from reconciler.config.rules import examples, playground
from reconciler.config.rules.base import Example
from reconciler.config.rules.examples import MODELS, STAGE, WAREHOUSE, model, sync
from reconciler.engine.applier import apply
from reconciler.engine.looking import document_statuses
from reconciler.engine.planner import make_plan
from reconciler.engine.projection import state, write_state_file
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, MODEL, SYNC, DocumentId
from reconciler.model.resources import LoopSettings
from reconciler.model.status import Status
from reconciler.report import plan as report
from reconciler.state import catalogs as recorded_catalogs
from reconciler.state import documents, statuses
from reconciler.state.database import Database, open_database

CLOCK = SystemClock()
BLOCK = "sql: |\n    SELECT name, stage\n    FROM crm.accounts\n    WHERE live"
EMPLOYEES = "constant: 5, field: Employees"


class Folder:
    """A project that is written anew and applied."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.database = database

    def load(self, text: str, query: str = BLOCK, files: Mapping[str, str] = {}, **options: object) -> LoadedProject:
        beside = {**MODELS, "config/accounts.yaml": model(query), **files}
        example = Example(text=text, files=beside, **options)  # type: ignore[arg-type]
        return load_project(playground.write(example, self.root), self.root)

    def apply(self, text: str, **options: object) -> str:
        """What the plan said, as text."""
        loaded = self.load(text, **options)  # type: ignore[arg-type]
        done = apply(loaded, self.database, clock=CLOCK, holder="test", allow=100)
        assert make_plan(loaded, self.database).empty
        return report.to_text(done.plan)

    def statuses(self, name: str | None = None) -> dict[str, tuple[Status, str]]:
        found = document_statuses(self.database, name, LoopSettings(), CLOCK.now())
        return {entry.item: (entry.status, entry.reason) for one in found for entry in (one.whole, *one.mappings)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_database("sqlite:///var/reconciler.db", clock=CLOCK, root=tmp_path) as database:
        yield Folder(tmp_path, database)


def test_a_new_sync_waits_for_its_first_cycle(folder: Folder) -> None:
    said = folder.apply(sync(STAGE, EMPLOYEES, rest="  schedule: {every: 1h}\n"))
    assert "  + Model/accounts  warehouse\n" in said
    assert "  + Sync/companies  accounts → acme-cs Company\n      + Employees  ← 5\n      + Stage  ← stage\n" in said
    new = (Status.PENDING, "new: waits for its first cycle")
    assert folder.statuses("Sync/companies") == {"": new, "Employees": new, "Stage": new}
    (whole,) = document_statuses(folder.database, "companies", LoopSettings(), CLOCK.now())
    assert (whole.schedule, whole.next_due is None) == ("every 1h", False)
    folder.apply(sync(STAGE, EMPLOYEES))
    (whole,) = document_statuses(folder.database, "companies", LoopSettings(), CLOCK.now())
    assert (whole.schedule, whole.next_due) == ("when asked", None)


def test_a_changed_query_is_shown_line_by_line(folder: Folder) -> None:
    folder.apply(sync())
    said = folder.apply(sync(), query=BLOCK.replace("WHERE live", "WHERE active"))
    assert said.splitlines()[2:] == [
        "  ~ Model/accounts  warehouse",
        "        ~ sql:",
        "              FROM crm.accounts",
        "            - WHERE live",
        "            + WHERE active",
        "",
        "Plan: 1 document to change.",
    ]


def test_a_sync_of_a_changed_model_waits_for_its_next_cycle(folder: Folder) -> None:
    folder.apply(sync(STAGE))
    folder.apply(sync(STAGE), query=BLOCK.replace("live", "active"))
    assert folder.statuses()["Stage"] == (Status.PENDING, "new: waits for its first cycle")
    id = DocumentId(SYNC, "companies")
    with folder.database.begin() as session:
        green = [replace(entry, status=Status.SUCCESSFUL, reason="") for entry in statuses.read(session, id)]
        statuses.replace(session, green)
    folder.apply(sync(STAGE), query=BLOCK.replace("live", "paying"))
    changed = (Status.PENDING, "changed: waits for its next cycle")
    assert folder.statuses() == {"": changed, "Stage": changed}


def test_a_sync_that_goes_elsewhere_waits_again_and_a_field_is_forgotten(folder: Folder) -> None:
    folder.apply(sync(STAGE, EMPLOYEES))
    said = folder.apply(sync(STAGE, behavior="update-only"))
    assert "      - forget Employees  (values already in Gainsight are kept)" in said
    assert folder.statuses()["Stage"] == (Status.PENDING, "changed: waits for its next cycle")
    assert set(folder.statuses()) == {"", "Stage"}


def test_what_is_removed_is_forgotten(folder: Folder) -> None:
    folder.apply(sync())
    (folder.root / "config" / "accounts.yaml").unlink()
    (folder.root / "config" / "warehouse.yaml").unlink()
    (folder.root / "config" / "example.yaml").write_text(examples.CS)
    (folder.root / "config" / "acme-cs.yaml").unlink()
    loaded = load_project(folder.root, folder.root)
    done = apply(loaded, folder.database, clock=CLOCK, holder="test", allow=100)
    forgotten = [str(change.id) for change in done.plan.changes if not change.item]
    assert forgotten == ["Connection/warehouse", "Model/accounts", "Sync/companies"]
    with folder.database.read() as session:
        assert {id.kind for id in documents.load(session)} == {CONNECTION, COMMUNITY_IMPORT}
    (left,) = document_statuses(folder.database, None, LoopSettings(), CLOCK.now())
    assert (left.whole.kind, left.whole.name) == (COMMUNITY_IMPORT, "acme-community")


def test_the_state_file_shows_models_and_warehouses_as_what_uses_them(folder: Folder) -> None:
    folder.apply(sync(), files={"config/unused.yaml": model(name="unused")})
    write_state_file(folder.database, folder.root / "state.json")
    content = json.loads((folder.root / "state.json").read_text())
    listed = (*content["connections"], *(one for one in content["documents"] if one["kind"] != COMMUNITY_IMPORT))
    shown = {one["name"]: (one["status"], one["reason"]) for one in listed}
    waiting = ("Pending", "new: waits for its first cycle")
    assert {name: shown[name] for name in ("acme-cs", "warehouse", "accounts", "companies")} == {
        "acme-cs": waiting,
        "warehouse": waiting,
        "accounts": waiting,
        "companies": waiting,
    }
    assert shown["unused"] == ("Pending", "no applied document reads it")
    assert shown["acme-community"] == ("Pending", "no applied document writes to it")
    with folder.database.read() as session:
        assert [one["kind"] for one in state(session)["documents"]] == [COMMUNITY_IMPORT, MODEL, MODEL, SYNC]  # type: ignore[union-attr, index, call-overload]


def test_a_sync_needs_a_catalog_that_says_what_can_be_written(folder: Folder) -> None:
    with pytest.raises(errors.ConfigIncomplete, match="Sync/companies: there is no catalog of acme-cs"):
        folder.apply(sync(), catalog=False)
    old = json.loads(catalogs.to_text(examples.CATALOG))
    del old["objects"]["Company"]["custom"]
    with pytest.raises(errors.ConfigIncomplete, match="does not say what can be written to Company"):
        folder.apply(sync(), catalog_text=json.dumps(old))
    folder.apply(sync())
    with folder.database.read() as session:
        assert recorded_catalogs.read(session, "acme-cs") is not None


def test_only_takes_the_model_and_the_warehouse_along(folder: Folder) -> None:
    loaded = folder.load(sync())
    done = apply(loaded, folder.database, clock=CLOCK, holder="test", only=("companies",))
    ids = sorted({change.id for change in done.plan.changes})
    assert DocumentId(CONNECTION, "warehouse") in ids and DocumentId(MODEL, "accounts") in ids
    assert DocumentId(CONNECTION, "acme-community") not in ids


def test_a_name_that_two_documents_have(folder: Folder) -> None:
    mapping = examples.mapping("object: Company Person, attribute: Title, profileField: Job Title", name="companies")
    folder.apply(sync() + "---\n" + mapping)
    with pytest.raises(errors.UsageError, match="could be ProfileFieldMapping/companies or Sync/companies"):
        folder.statuses("companies")
    assert set(folder.statuses("Sync/companies")) == {"", "Stage"}
    with pytest.raises(errors.NotFound, match="no document 'nobody'"):
        folder.statuses("nobody")
    assert WAREHOUSE
