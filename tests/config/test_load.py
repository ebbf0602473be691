"""Loading a whole project: what comes out does not depend on files, order or the cache."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.config import catalogs
from reconciler.config.load import LoadedProject, load_project, load_project_file, shown_source
from reconciler.config.rules import examples, playground
from reconciler.config.rules.base import Example
from reconciler.model import resources
from reconciler.model.document import DocumentId, Origin
from tests.config.helpers import codes, load, write

TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
REGION = "object: Company Person, attribute: Region__gc, profileField: Region"
GOOD = Example(text=examples.mapping(TITLE, REGION))
WARNED = Example(text=examples.mapping(TITLE), catalog=False)
CACHE = Path("var/cache/config.json")


def values(loaded: LoadedProject) -> tuple[object, ...]:
    """Everything that a caller can see."""
    return (
        loaded.project,
        dict(loaded.documents),
        {id_: document.digest for id_, document in loaded.documents.items()},
        loaded.origins,
        loaded.diagnostics,
        loaded.files,
        loaded.digest,
        dict(loaded.resources),
        dict(loaded.catalogs),
    )


def test_what_a_project_is(tmp_path: Path) -> None:
    loaded = load_project(playground.write(GOOD, tmp_path), tmp_path)
    assert loaded.root == tmp_path.resolve() and loaded.project_file == "reconcile.yaml"
    assert loaded.project.name == "acme"
    assert loaded.files == ("config/acme-community.yaml", "config/acme-cs.yaml", "config/example.yaml")
    id_ = DocumentId("ProfileFieldMapping", "acme-profile")
    assert list(loaded.documents) == sorted(loaded.documents) and id_ in loaded.documents
    assert loaded.origins[id_] == Origin("config/example.yaml", 0)
    assert isinstance(loaded.resources[id_], resources.ProfileFieldMapping)
    assert loaded.catalogs == {"acme-cs": examples.CATALOG}
    loaded.require_valid()
    assert load_project_file(tmp_path, tmp_path) == (loaded.root, loaded.project)


def test_errors_stop_those_who_need_a_valid_project(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"config/a.yaml": examples.CS + "  x: 1\n"})
    with pytest.raises(errors.ConfigInvalid) as caught:
        loaded.require_valid()
    assert codes(caught.value.diagnostics) == ["E-KEY"]
    assert load_project(playground.write(WARNED, tmp_path / "b"), tmp_path).valid


def test_a_file_with_comments_only_is_fine_and_an_empty_one_is_what_a_broken_copy_looks_like(tmp_path: Path) -> None:
    files = {"config/a.yaml": examples.CS, "config/c.yaml": "# later\n---\n"}
    assert load(tmp_path, files).diagnostics == ()
    assert codes(load(tmp_path / "x", {"config/c.yaml": "# x\n"}).diagnostics) == ["E-EMPTY"]
    (empty,) = load(tmp_path / "y", {**files, "config/b.yaml": " \n"}).diagnostics
    assert (empty.code, str(empty.position)) == ("E-EMPTY", "config/b.yaml:1:1")


def test_all_errors_of_all_files_in_one_run_in_order(tmp_path: Path) -> None:
    files = {
        "config/z.yaml": examples.mapping(TITLE, name="z").replace("Title", "Titel"),
        "config/a.yaml": "kind: [\n",
        "config/m.yaml": examples.CS + "  x: 1\n---\n" + examples.CC.replace("eu-west-1", "Europe") + "  z: 2\n",
    }
    loaded = load(tmp_path, files)
    places = [(found.position.file, found.position.line) for found in loaded.diagnostics if found.position]
    assert places == sorted(places) and len(places) == 5
    assert codes(loaded.diagnostics) == ["E-KEY", "E-KEY", "E-VALUE", "E-YAML-SYNTAX", "W-CATALOG"]


def test_the_first_of_two_documents_counts(tmp_path: Path) -> None:
    files = {"config/b.yaml": examples.CS, "config/a.yaml": "---\n" + examples.CS + "  active: false\n"}
    loaded = load(tmp_path, files)
    assert codes(loaded.diagnostics) == ["E-DUPLICATE"]
    assert loaded.origins == {DocumentId("Connection", "acme-cs"): Origin("config/a.yaml", 0)}


def test_an_invalid_project_file_is_an_error_with_places(tmp_path: Path) -> None:
    write(tmp_path, {"config/a.yaml": examples.CS}, examples.PROJECT.replace("spec:", "spec:\n  x: 1"))
    with pytest.raises(errors.ConfigInvalid) as caught:
        load(tmp_path)
    assert [(found.code, str(found.position)) for found in caught.value.diagnostics] == [
        ("E-KEY", "reconcile.yaml:5:3")
    ]


@pytest.mark.parametrize("catalog", ["../catalog", "/etc", "link"])
def test_a_catalog_outside_is_refused(catalog: str, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    write(tmp_path / "root", {"config/a.yaml": examples.CS}, examples.PROJECT + f"  catalog: {catalog}\n")
    loaded = load(tmp_path / "root")
    assert [(found.code, str(found.position)) for found in loaded.diagnostics] == [("E-PATH", "reconcile.yaml:6:12")]
    assert loaded.catalogs == {}


def test_a_catalog_folder_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "catalog").symlink_to("catalog")
    loaded = load(tmp_path, {"config/a.yaml": examples.CS + "---\n" + examples.CC + "---\n" + examples.mapping(TITLE)})
    assert codes(loaded.diagnostics) == ["W-CATALOG"]


def test_a_catalog_that_cannot_be_read_is_a_finding_with_and_without_cache(tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)
    (tmp_path / "catalog" / "acme-cs.json").unlink()
    (tmp_path / "catalog" / "acme-cs.json").symlink_to("/etc/hostname")
    for use_cache in (False, True, True):
        loaded = load_project(file, tmp_path, use_cache=use_cache)
        assert codes(loaded.diagnostics) == ["E-CATALOG"]
        assert loaded.catalogs == {}


def test_catalogs_can_be_handed_in(tmp_path: Path) -> None:
    file = playground.write(WARNED, tmp_path)
    assert codes(load_project(file, tmp_path).diagnostics) == ["W-CATALOG"]
    live = load_project(file, tmp_path, catalogs={"acme-cs": examples.CATALOG})
    assert live.diagnostics == ()
    assert codes(load_project(file, tmp_path).diagnostics) == ["W-CATALOG"]


def test_sources_are_shown_without_secrets(tmp_path: Path) -> None:
    text = "\ufeff" + examples.CS.replace("{env: ACME_CS_KEY}", "canary") + "x: é\n"
    loaded = load(tmp_path, {"config/a.yaml": text, "config/b.yaml": b"\0", "config/c.yaml": "x" * 1_100_000})
    shown = loaded.source("config/a.yaml")
    assert shown is not None and "canary" not in shown and "x: é" in shown and shown.startswith("apiVersion")
    assert loaded.source("config/b.yaml") is None
    assert loaded.source("config/c.yaml") is None
    assert shown_source(tmp_path, "config/none.yaml") is None


# -- independence ------------------------------------------------------------------------------------------------------


def _shuffled(text: str, seed: int) -> str:
    """The same document as JSON (which is YAML), with the keys of every mapping in another order."""
    from reconciler.config import loader

    chance = random.Random(seed)

    def shuffle(node: object) -> object:
        if isinstance(node, dict):
            keys = list(node)
            chance.shuffle(keys)
            return {key: shuffle(node[key]) for key in keys}
        if isinstance(node, list):
            items = [shuffle(item) for item in node]
            chance.shuffle(items)
            return items
        return node

    return json.dumps(shuffle(loader.load(text.encode(), "f").documents[0].data))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([0, 1, 2]), st.integers(0, 2**16), st.sampled_from([1, 2, 3]))
def test_the_digest_depends_on_documents_alone(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], seed: int, per_file: int
) -> None:
    documents = [examples.CS, examples.CC, examples.mapping(TITLE, REGION)]
    plain = load(tmp_path_factory.mktemp("plain"), {"config/a.yaml": "---\n".join(documents)})
    texts = [_shuffled(documents[number], seed) for number in order]
    files = {f"config/{at}.yaml": "\n---\n".join(texts[at : at + per_file]) for at in range(0, 3, per_file)}
    other = load(tmp_path_factory.mktemp("other"), files)
    assert other.digest == plain.digest and dict(other.documents) == dict(plain.documents)


# -- cache -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", [GOOD, WARNED, Example(text="kind: [\n"), Example(text=examples.CS + "  x: 1\n")])
def test_the_cache_changes_nothing(example: Example, tmp_path: Path) -> None:
    file = playground.write(example, tmp_path)
    without = values(load_project(file, tmp_path, use_cache=False))
    assert not (tmp_path / "var").exists()
    assert values(load_project(file, tmp_path)) == without
    assert (tmp_path / CACHE).is_file() and (tmp_path / "var/cache/.gitignore").read_text() == "*\n"
    assert values(load_project(file, tmp_path)) == without


def test_every_change_is_seen_through_the_cache(tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)

    def now() -> list[str]:
        loaded = load_project(file, tmp_path)
        assert values(loaded) == values(load_project(file, tmp_path, use_cache=False))
        return codes(loaded.diagnostics)

    def edit(path: str, old: str, new: str) -> None:
        (tmp_path / path).write_text((tmp_path / path).read_text().replace(old, new))

    assert now() == []
    edit("config/example.yaml", "attribute: Title", "attribute: Titel")
    assert now() == ["E-ATTRIBUTE"]
    edit("config/example.yaml", "attribute: Titel", "attribute: Title")
    assert now() == []
    edit("config/acme-community.yaml", "- {name: Region", "- {name: Area")
    assert now() == ["E-PROFILE-FIELD"]
    edit("config/acme-community.yaml", "- {name: Area", "- {name: Region")
    edit("catalog/acme-cs.json", '"Title": {', '"Titel": {')
    assert now() == ["E-ATTRIBUTE"]
    (tmp_path / "catalog/acme-cs.json").unlink()
    assert now() == ["W-CATALOG"]
    (tmp_path / "config/acme-cs.yaml").rename(tmp_path / "config/renamed.yaml")
    assert now() == ["W-CATALOG"]
    (tmp_path / "config/more.yaml").write_text(examples.CS)
    assert now() == ["E-DUPLICATE", "W-CATALOG"]
    (tmp_path / "config/more.yaml").unlink()
    (tmp_path / "config/link.yaml").symlink_to("/etc/hostname")
    assert now() == ["E-PATH", "W-CATALOG"]
    (tmp_path / "config/link.yaml").unlink()
    edit("reconcile.yaml", "[config]", "[config, catalog]\n  catalog: elsewhere")
    (tmp_path / "catalog/a.yaml").write_text("# nothing\n")
    assert now() == ["W-CATALOG"]


@pytest.mark.parametrize("damage", [b"", b"garbage", b"{}", b"\n", None])
def test_a_damaged_cache_is_as_if_it_were_not_there(damage: bytes | None, tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)
    first = values(load_project(file, tmp_path))
    path = tmp_path / CACHE
    path.write_bytes(path.read_bytes().replace(b"Title", b"Titel") if damage is None else damage)
    assert values(load_project(file, tmp_path)) == first


def test_a_cache_of_another_program_is_not_believed(tmp_path: Path) -> None:
    import hashlib

    file = playground.write(GOOD, tmp_path)
    load_project(file, tmp_path)
    _, data = (tmp_path / CACHE).read_bytes().split(b"\n", 1)
    content = {**json.loads(data), "program": "another", "tree": None, "files": None, "project": ["x"]}
    body = json.dumps(content).encode()
    (tmp_path / CACHE).write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert load_project(file, tmp_path).diagnostics == ()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)
    (tmp_path / "var").write_text("a file where the folder would be")
    assert load_project(file, tmp_path).diagnostics == ()
    (tmp_path / "var").unlink()
    (tmp_path / CACHE).mkdir(parents=True)
    assert load_project(file, tmp_path).diagnostics == ()
    assert not [path for path in (tmp_path / "var/cache").iterdir() if path.name.startswith(".config")]


def test_collecting_garbage_goes_on_afterwards(tmp_path: Path) -> None:
    import gc

    file = playground.write(GOOD, tmp_path)
    load_project(file, tmp_path)
    assert gc.isenabled()
    gc.disable()
    try:
        load_project(file, tmp_path)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_only_a_model_imports_what_reads_sql(tmp_path: Path) -> None:
    for text, expected in ((examples.CS, ["[]", "[]"]), (examples.model(), ["['sqlglot']", "[]"])):
        example = Example(text=text, files={"config/warehouse.yaml": examples.WAREHOUSE})
        file = playground.write(example, tmp_path / text.splitlines()[1][6:])
        code = (
            "import sys; from pathlib import Path; from reconciler.config.load import load_project;"
            f"load_project(Path({str(file)!r}), Path('/')).resources; print(sorted({{'sqlglot'}} & set(sys.modules)))"
        )
        command = [sys.executable, "-c", code]
        shown = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
        assert shown == expected


@pytest.mark.parametrize("plugins", [None, "mine"])
def test_an_unchanged_project_imports_neither_yaml_nor_pydantic(plugins: str | None, tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)
    code = (
        "import os, sys; from pathlib import Path; from reconciler.config.load import load_project;"
        f"load_project(Path({str(file)!r}), Path('/'));"
        "print(sorted({'yaml', 'pydantic', 'croniter', 'reconciler.config.rules.mappings'} & set(sys.modules)),"
        " os.environ.get('PYDANTIC_DISABLE_PLUGINS'))"
    )
    environment = {**os.environ, **({"PYDANTIC_DISABLE_PLUGINS": plugins} if plugins else {})}

    def imported() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()

    assert imported() == f"['pydantic', 'reconciler.config.rules.mappings', 'yaml'] {plugins}"
    assert imported() == f"[] {plugins}"


def test_a_pinned_catalog_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    file = playground.write(GOOD, tmp_path)
    load_project(file, tmp_path)
    assert load_project(file, tmp_path).catalogs == {"acme-cs": examples.CATALOG}
    catalogs.write(tmp_path / "catalog" / "unrelated.json", examples.CATALOG)
    assert load_project(file, tmp_path).catalogs == {"acme-cs": examples.CATALOG}
