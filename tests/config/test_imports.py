"""Community imports as documents: those that come with a connection, and what a document may say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from reconciler.config import aliasfiles
from reconciler.config.load import LoadedProject
from reconciler.config.rules import examples
from reconciler.engine.resolving import settings_of
from reconciler.model import resources
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, DocumentId
from reconciler.model.resources import CommunityImport, Every, MatchTerm
from tests.config.helpers import codes, load

CS, CC, WAREHOUSE = examples.CS, examples.CC, examples.WAREHOUSE
ID = DocumentId(COMMUNITY_IMPORT, "acme-community")


def project(
    root: Path,
    *tuned: str,
    cs: str = CS,
    cc: str = CC,
    cache: bool = False,
    files: Mapping[str, str] = MappingProxyType({}),
) -> LoadedProject:
    """Two connections, a document that tunes the import if there is one, and other files of the folder."""
    written = {"config/cs.yaml": cs, "config/cc.yaml": cc}
    written |= {f"config/import{number}.yaml": text for number, text in enumerate(tuned)}
    return load(root, {**written, **{f"config/{name}": text for name, text in files.items()}}, cache=cache)


def imported(loaded: LoadedProject) -> CommunityImport | None:
    found = loaded.resources.get(ID)
    assert found is None or isinstance(found, CommunityImport)
    return found


def places(loaded: LoadedProject) -> list[tuple[str, str, str | None]]:
    return [(d.code, str(d.position).removeprefix("config/"), d.hint) for d in loaded.diagnostics]


# -- without a document ------------------------------------------------------------------------------------------------


def test_a_connected_community_has_an_import_without_any_document(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    assert imported(loaded) == CommunityImport(
        name="acme-community", target="acme-cs", schedule=Every(seconds=86_400), full_every=7, refresh_members=1_000
    )
    assert (codes(loaded.diagnostics), ID in loaded.origins) == (["W-CATALOG"] if loaded.diagnostics else [], False)


@pytest.mark.parametrize(
    ("cs", "cc"),
    [
        (CS, CC.replace("  connectedTo: acme-cs\n", "")),
        (CS, CC.replace("  sso: true", "  sso: true\n  active: false")),
        (CS.replace("  sso: true", "  sso: true\n  active: false"), CC),
        (CS.replace("sso: true", "sso: false"), CC),
        (CS.replace("name: acme-cs", "name: other"), CC),
    ],
)
def test_communities_that_are_not_connected_or_not_active_have_none(cs: str, cc: str, tmp_path: Path) -> None:
    assert imported(project(tmp_path, cs=cs, cc=cc)) is None


def test_a_deactivated_community_has_none_although_a_document_tunes_it(tmp_path: Path) -> None:
    off = CC.replace("  sso: true", "  sso: true\n  active: false")
    loaded = project(tmp_path, examples.community_import("  fullEvery: 3\n"), cc=off)
    assert (imported(loaded), codes(loaded.diagnostics)) == (None, ["W-IMPORT-IDLE"])
    assert DocumentId(CONNECTION, "acme-community") in loaded.documents


def test_an_empty_document_changes_nothing_and_neither_do_spelt_out_defaults(tmp_path: Path) -> None:
    spelt = "  to: acme-cs\n  schedule: {every: 24h}\n  fullEvery: 7\n  refreshMembers: 1000\n  identity: {similarity: 0.9}\n"
    digests = {
        project(tmp_path / str(number), *tuned).digest
        for number, tuned in enumerate(((), (examples.community_import(),), (examples.community_import(spelt),)))
    }
    assert len(digests) == 1


def test_the_cache_gives_the_same(tmp_path: Path) -> None:
    text = examples.community_import("  identity: {aliasesFile: aliases.yaml}\n")
    for content in ("acme.io: Acme\n", "acme.io: Acme Inc.\n"):
        first = project(tmp_path, text, cache=True, files={"aliases.yaml": content})
        second = project(tmp_path, text, cache=True, files={"aliases.yaml": content})
        assert first.documents == second.documents
        assert first.diagnostics == second.diagnostics == ()


# -- what a document says ----------------------------------------------------------------------------------------------


def test_everything_that_can_be_tuned(tmp_path: Path) -> None:
    text = examples.community_import(
        "  to: warehouse\n  schedule: {every: 7d}\n  fullEvery: 1\n  refreshMembers: 0\n"
        "  identity:\n    rules: [{match: [email]}, {match: [name, company]}]\n    phoneRegion: DE\n    phone: Seats\n"
        "    name: [Job Title, Region]\n    company: Region\n    similarity: 1\n    acceptSimilar: true\n"
        "    freeMail: [freemail.example]\n    aliases: {acme.io: Acme, old@acme.com: new@acme.com}\n"
    )
    loaded = project(tmp_path, text, files={"warehouse.yaml": WAREHOUSE})
    assert loaded.diagnostics == ()
    assert imported(loaded) == CommunityImport(
        name="acme-community",
        target="warehouse",
        schedule=Every(seconds=7 * 86_400),
        full_every=1,
        refresh_members=0,
        identity=resources.IdentitySettings(
            rules=((MatchTerm.EMAIL,), (MatchTerm.NAME, MatchTerm.COMPANY)),
            phone_region="DE",
            phone="Seats",
            name=("Job Title", "Region"),
            company="Region",
            similarity=1.0,
            accept_similar=True,
            free_mail=("freemail.example",),
            aliases={"acme.io": "Acme", "old@acme.com": "new@acme.com"},
        ),
    )


@pytest.mark.parametrize(
    ("rest", "code", "hint"),
    [
        ("  suspend: true\n", "E-IMPORT-OFF", "deactivate the connection"),
        ("  enabled: false\n", "E-IMPORT-OFF", "deactivate the connection"),
        ("  active: false\n", "E-IMPORT-OFF", "deactivate the connection"),
        ("  supend: true\n", "E-KEY", None),
        ("  to: nowhere\n", "E-IMPORT-TARGET", "possible here: acme-cs"),
        ("  to: acme-community\n", "E-IMPORT-TARGET", "possible here: acme-cs"),
        ("  fullEvery: 0\n", "E-VALUE", None),
        ("  refreshMembers: -1\n", "E-VALUE", None),
        ("  identity: {rules: []}\n", "E-VALUE", "write at least one rule"),
        ("  identity: {rules: [{match: []}]}\n", "E-VALUE", "write at least one term"),
        ("  identity: {rules: [{match: [emial]}]}\n", "E-VALUE", "did you mean 'email'"),
        ("  identity: {rules: [{match: [email, email]}]}\n", "E-VALUE", "keep one"),
        ("  identity: {rules: [{match: [company]}]}\n", "E-VALUE", "write [name, company]"),
        ("  identity: {rules: [{match: [email]}, {match: [email]}]}\n", "E-VALUE", "keep one"),
        ("  identity: {rules: [{match: [phone]}]}\n", "W-IMPORT-RULE", "write `phone: PROFILE FIELD`"),
        ("  identity: {similarity: 1.5}\n", "E-VALUE", None),
        ("  identity: {similarity: 0.1}\n", "E-VALUE", None),
        ("  identity: {similarity: high}\n", "E-TYPE", "write a number from 0.5 to 1"),
        ("  identity: {phoneRegion: UK}\n", "E-VALUE", "write GB"),
        ("  identity: {phoneRegion: de}\n", "E-VALUE", "write DE"),
        ("  identity: {phoneRegion: Germany}\n", "E-VALUE", None),
        ("  identity: {freeMail: [a@b.example]}\n", "E-VALUE", None),
        ("  identity: {phone: Phone}\n", "E-PROFILE-FIELD", "add it to profileFields"),
        ("  identity: {name: [Job Titel]}\n", "E-PROFILE-FIELD", "did you mean 'Job Title'"),
        ("  identity: {company: Sets}\n", "E-PROFILE-FIELD", "did you mean 'Seats'"),
        ("  identity: {aliases: {acme.io: anna@acme.com}}\n", "E-ALIASES", "write the name of the company"),
        ("  identity: {aliases: {anna: anna@acme.com}}\n", "E-ALIASES", None),
        ("  identity: {aliases: {acme.io: '!!!'}}\n", "E-ALIASES", "with letters or digits"),
        ("  identity: {aliases: {co.uk: Acme}}\n", "E-ALIASES", "acme.com"),
        ("  identity: {aliases: {A@b.com: Acme, a@b.com: Beta}}\n", "E-ALIASES", "keep one of the two"),
        ("  identity: {aliases: {acme.com: Acme, www.acme.com: Beta}}\n", "E-ALIASES", "keep one of the two"),
        ("  identity: {aliases: {acme.io: Acme}, aliasesFile: a.yaml}\n", "E-VALUE", "keep one of the two"),
        ("  identity: {aliasesFile: ../a.yaml}\n", "E-PATH", "below it"),
        ("  identity: {aliasesFile: a.txt}\n", "E-PATH", "rename the file"),
        ("  identity: {aliasesFile: missing.yaml}\n", "E-PATH", "put the file there"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(rest: str, code: str, hint: str | None, tmp_path: Path) -> None:
    loaded = project(tmp_path, examples.community_import(rest))
    found = {(d.code, d.position is not None) for d in loaded.diagnostics}
    assert (code, True) in found
    assert {one for one, _ in found} == {code}
    assert hint is None or any(hint in (d.hint or "") for d in loaded.diagnostics), places(loaded)


def test_two_documents_for_one_community(tmp_path: Path) -> None:
    text = examples.community_import()
    assert codes(project(tmp_path, text, text).diagnostics) == ["E-DUPLICATE"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme-comunity", "there is no connection 'acme-comunity'"),
        ("acme-cs", "the connection 'acme-cs' is no community"),
    ],
)
def test_an_import_has_the_name_of_a_community(name: str, message: str, tmp_path: Path) -> None:
    (found,) = project(tmp_path, examples.community_import(name=name)).diagnostics
    assert found.code == "E-IMPORT-COMMUNITY"
    assert message in found.message


def test_an_import_of_a_community_that_is_not_connected(tmp_path: Path) -> None:
    loaded = project(tmp_path, examples.community_import(), cc=CC.replace("  connectedTo: acme-cs\n", ""))
    assert codes(loaded.diagnostics) == ["E-IMPORT-COMMUNITY"]


def test_a_target_that_is_another_tenant_or_deactivated(tmp_path: Path) -> None:
    other = CS.replace("name: acme-cs", "name: other-cs")
    loaded = project(tmp_path / "a", examples.community_import("  to: other-cs\n"), files={"other.yaml": other})
    assert [(d.code, d.hint) for d in loaded.diagnostics] == [
        ("E-IMPORT-TARGET", "write `to: acme-cs`, or remove the key")
    ]
    asleep = WAREHOUSE + "  active: false\n"
    loaded = project(tmp_path / "b", examples.community_import("  to: warehouse\n"), files={"warehouse.yaml": asleep})
    assert codes(loaded.diagnostics) == ["E-INACTIVE"]


def test_nothing_is_said_of_connections_that_could_not_be_read(tmp_path: Path) -> None:
    broken = CC.replace("region: eu-west-1", "region: 5")
    loaded = project(tmp_path, examples.community_import("  identity: {phone: Phone}\n"), cc=broken)
    assert codes(loaded.diagnostics) == ["E-TYPE"]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("acme-en", "acme_EN", True),
        ("acmeEn", "acme-en", True),
        ("acmeEn", "acmeen", True),
        ("acme-en", "acme--en", True),
        ("acme-en", "acme-enx", False),
        ("acme-en", "acmeen", False),
    ],
)
def test_tenants_whose_objects_would_have_one_name(tmp_path: Path, first: str, second: str, clash: bool) -> None:
    one = CC.replace("tenant: acme", f"tenant: {first}")
    other = CC.replace("name: acme-community", "name: acme-partners").replace("tenant: acme", f"tenant: {second}")
    loaded = project(tmp_path, cc=one, files={"partners.yaml": other})
    assert codes(loaded.diagnostics) == (["E-TENANT"] if clash else [])


def test_one_tenant_name_for_two_communities_is_right_where_they_write_to_different_places(tmp_path: Path) -> None:
    partners = CC.replace("name: acme-community", "name: acme-partners")
    files = {"partners.yaml": partners, "warehouse.yaml": WAREHOUSE}
    loaded = project(tmp_path / "a", files=files)
    assert codes(loaded.diagnostics) == ["E-TENANT"]
    tuned = examples.community_import("  to: warehouse\n", name="acme-partners")
    assert codes(project(tmp_path / "b", tuned, files=files).diagnostics) == []


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("City", "city", True),
        ("Email", "Email Custom", True),
        ("Email", "Username", False),
        ("Email", "City", False),
    ],
)
def test_profile_fields_that_become_one_column(first: str, second: str, clash: bool, tmp_path: Path) -> None:
    cc = CC.replace("Job Title", first).replace("Region", second)
    assert codes(project(tmp_path, cc=cc).diagnostics) == (["E-IMPORT-COLUMN"] if clash else [])


def test_syncs_may_wait_for_an_import(tmp_path: Path) -> None:
    files = {"warehouse.yaml": WAREHOUSE, "model.yaml": examples.model()}
    sync = examples.sync(rest="  after: [CommunityImport/acme-community]\n")
    assert codes(project(tmp_path, sync, files=files).diagnostics) in ([], ["W-CATALOG"])


# -- aliases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("a@b.c", True),
        ("a@..c", True),
        ("a@b.c.", True),
        ("a@b", False),
        ("a@.b", False),
        ("a@b.", False),
        ("a@b.c@d", False),
        ("@b.c", False),
    ],
)
def test_what_is_taken_for_an_address_does_not_depend_on_how_long_it_is(text: str, fine: bool) -> None:
    said = aliasfiles.wrong("acme.com", text)
    assert ("not for a person" in said[0] if said else False) is fine
    long = aliasfiles.wrong("acme.com", f"a@{'.' * 1_000_000}@")
    assert long is not None and "letters or digits" in long[1]


WITH_FILE = examples.community_import("  identity: {aliasesFile: people/aliases.yaml}\n")


def aliased(root: Path, content: str | bytes) -> LoadedProject:
    files: dict[str, str | bytes] = {"config/cs.yaml": CS, "config/cc.yaml": CC, "config/import.yaml": WITH_FILE}
    return load(root, {**files, "config/people/aliases.yaml": content})


def test_the_content_of_the_file_is_a_part_of_the_document(tmp_path: Path) -> None:
    loaded = aliased(tmp_path, 'b.example: Beta\n"77": anna@acme.com\nold@acme.com: Beta\n')
    assert loaded.diagnostics == ()
    found = imported(loaded)
    assert found is not None
    assert found.identity.aliases == {"77": "anna@acme.com", "b.example": "Beta", "old@acme.com": "Beta"}
    assert "config/people/aliases.yaml" in loaded.files
    changed = aliased(tmp_path, "b.example: Beta\n")
    assert changed.documents[ID].digest != loaded.documents[ID].digest


@pytest.mark.parametrize(
    ("last", "line"), [('"nobody": B', 3), ("b.example: anna@acme.com", 3), ("www.a.example: B", 3), ("77: B", 3)]
)
def test_an_alias_in_a_document_is_wrong_at_its_own_line(last: str, line: int, tmp_path: Path) -> None:
    text = f"  identity:\n    aliases:\n      a.example: A\n      c.example: C\n      {last}\n"
    loaded = project(tmp_path, examples.community_import(text))
    start = examples.community_import(text).split("\n").index("    aliases:") + 1
    assert [(d.code, d.position.line) for d in loaded.diagnostics if d.position] == [
        ("E-YAML-KEY" if "77" in last else "E-ALIASES", start + line)
    ]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        ("", "E-ALIASES", "people/aliases.yaml:1:1"),
        ("[a, b]\n", "E-ALIASES", "people/aliases.yaml:1:1"),
        ("a.example: A\n---\nb.example: B\n", "E-ALIASES", "people/aliases.yaml:1:1"),
        ("a.example: A\nb.example: 7\n", "E-ALIASES", "people/aliases.yaml:2:1"),
        ("a.example: A\nnobody: B\n", "E-ALIASES", "people/aliases.yaml:2:1"),
        ('a.example: " "\n', "E-ALIASES", "people/aliases.yaml:1:1"),
        ('a.example: A\nb.example: "-"\n', "E-ALIASES", "people/aliases.yaml:2:1"),
        ("a.example: A\nA@b.com: A\na@b.com: B\n", "E-ALIASES", "people/aliases.yaml:3:1"),
        ("acme.com: A\nwww.acme.com: B\n", "E-ALIASES", "people/aliases.yaml:2:1"),
        ("a.example: A\n10.0.0.1: B\n", "E-ALIASES", "people/aliases.yaml:2:1"),
        ("a.example: A\n77: anna@acme.com\n", "E-YAML-KEY", "people/aliases.yaml:2:1"),
        ("a.example: [A\n", "E-YAML-SYNTAX", "people/aliases.yaml:1:12"),
        (b"\xff\xfe", "E-YAML-ENCODING", "people/aliases.yaml:1:1"),
        (CS, "E-ALIASES", "people/aliases.yaml:1:1"),
    ],
)
def test_a_file_that_holds_no_aliases(content: str | bytes, code: str, place: str, tmp_path: Path) -> None:
    loaded = aliased(tmp_path, content)
    assert not loaded.valid
    assert (code, place) in {(found, where) for found, where, _ in places(loaded)}


def test_aliases_that_say_the_same_twice_are_fine(tmp_path: Path) -> None:
    loaded = aliased(tmp_path, "A@b.com: Acme\na@b.com: ACME\nacme.com: Acme\nwww.acme.com: acme\n")
    assert loaded.diagnostics == ()
    found = imported(loaded)
    assert found is not None
    assert len(settings_of(found.identity).aliases) == 4


def test_a_link_and_too_large_a_file_are_refused(tmp_path: Path) -> None:
    aliased(tmp_path, "a.example: A\n")
    file = tmp_path / "config" / "people" / "aliases.yaml"
    file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert codes(load(tmp_path).diagnostics) == ["E-PATH"]
    file.unlink()
    (tmp_path / "other.yaml").write_text("a.example: A\n")
    file.symlink_to(tmp_path / "other.yaml")
    assert "E-PATH" in codes(load(tmp_path).diagnostics)
