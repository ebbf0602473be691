"""Every rule is what its page says: its bad example fails with exactly its code, its good one passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config import catalogs, explain
from reconciler.config.load import load_project
from reconciler.config.rules import RULES, examples, pages, playground
from reconciler.config.rules.base import Example
from reconciler.model.catalog import DataType
from reconciler.model.diagnostic import Severity
from reconciler.model.outcome import ADVICE, Reason
from reconciler.model.resources import ProfileFieldType
from tests.config.helpers import codes, load

TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
PAGES = Path(__file__).parents[2] / "docs" / "reference" / "rules"


@pytest.mark.parametrize("code", RULES)
def test_the_bad_example_fails_with_exactly_this_code(code: str, tmp_path: Path) -> None:
    rule = RULES[code]
    loaded = load_project(playground.write(rule.bad, tmp_path), tmp_path, use_cache=False)
    assert {diagnostic.code for diagnostic in loaded.diagnostics} == {code}
    assert {diagnostic.severity for diagnostic in loaded.diagnostics} == {rule.severity}
    assert loaded.valid is (rule.severity is Severity.WARNING)


@pytest.mark.parametrize("code", RULES)
def test_the_good_example_passes(code: str, tmp_path: Path) -> None:
    loaded = load_project(playground.write(RULES[code].good, tmp_path), tmp_path, use_cache=False)
    assert loaded.diagnostics == ()
    loaded.require_valid()


@pytest.mark.parametrize("code", RULES)
def test_examples_differ_and_words_are_there(code: str) -> None:
    rule = RULES[code]
    assert rule.bad != rule.good
    assert rule.code.startswith("W-" if rule.severity is Severity.WARNING else "E-")
    text = explain.explain(code.lower())
    assert rule.why in text and rule.fix in text and rule.title in text
    assert "\x07" not in text


def test_pages_are_those_of_the_rules() -> None:
    """Regenerate with `pages.write(Path("docs/reference/rules"))`."""
    assert {path.name: path.read_text() for path in PAGES.iterdir()} == dict(pages.pages())


def test_pages_of_rules_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "E-GONE.md").write_text("old")
    pages.write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict(pages.pages())
    pages.write(tmp_path)


def test_topics_name_every_code_and_kind() -> None:
    topics = explain.topics()
    assert all(f"\n{code} " in topics for code in RULES)
    assert topics.startswith("Project ")
    assert all(f"\n{reason} " in topics for reason in Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    text = explain.explain(reason.value.upper())
    assert text.startswith(f"{reason}: {ADVICE[reason]}\n")


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("ProfileFieldMapping", ["from", "to", "schedule", "mappings"]),
        ("profilefieldmapping.spec.mappings", ["object", "One of: Person, Company Person.", "profileField"]),
        ("Connection", ["profileFields", "accessKey", "One of: gainsight-cc, gainsight-cs, sql."]),
        ("Connection.profileFields.visibility", ["One of: public, private, hidden. Default: public."]),
        ("Connection.sso", ["true/false", "Default: false."]),
        ("Connection.rateLimit", ["number or null"]),
        ("Project.limits", ["maxChangePercent", "Default: 30."]),
        ("Project.database", ["A database URL without a password", "env", "file"]),
    ],
)
def test_kinds_and_keys_are_explained(topic: str, words: list[str]) -> None:
    text = explain.explain(topic)
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("E-LOKUP", "did you mean 'E-LOOKUP' or 'E-SYNC-LOOKUP'?"),
        ("Conection", "did you mean 'Connection'?"),
        ("nothing at all", "`reconcile explain` lists everything"),
        ("Connection.ssso", "did you mean 'sso'?"),
        ("Project.limits.minRecord", "did you mean 'minRecords'?"),
        ("key-conflct", "did you mean 'key-conflict'?"),
    ],
)
def test_what_cannot_be_explained_gets_a_hint(topic: str, hint: str) -> None:
    with pytest.raises(errors.NotFound) as caught:
        explain.explain(topic)
    assert caught.value.hint == hint


# -- what the examples do not show -------------------------------------------------------------------------------------


def project(root: Path, *documents: str, catalog: bool = True) -> list[tuple[str, str, str | None]]:
    """Code, place and hint of the findings about documents in one file."""
    example = RULES["E-KEY"].good.__class__(text="---\n".join(documents), catalog=catalog)
    loaded = load_project(playground.write(example, root), root, use_cache=False)
    return [(d.code, str(d.position).removeprefix("config/"), d.hint) for d in loaded.diagnostics]


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("http://127.0.0.1:8101", True),
        ("http://[::1]:8101/", True),
        ("http://localhost", True),
        ("https://acme.gainsightcloud.com", True),
        ("https://acme.eu.gainsightcloud.com", True),
        ("https://other.example.com", False),
        ("https://10.0.0.1", False),
        ("https://169.254.169.254", False),
        ("https://2130706433", False),
        ("https://0x7f.1", False),
        ("http://example.com", False),
        ("https://gainsightcloud.com.example.com", False),
        ("https://evilgainsightcloud.com", False),
        ("https://a.gainsightcloud.com:99999", False),
        ("https://[::1", False),
    ],
)
def test_base_urls(url: str, accepted: bool, tmp_path: Path) -> None:
    text = examples.CS.replace("  sso: true", f'  sso: true\n  baseUrl: "{url}"')
    assert [code for code, *_ in project(tmp_path, text)] == ([] if accepted else ["E-BASE-URL"])


def test_a_custom_domain_is_allowed_as_base_url(tmp_path: Path) -> None:
    text = examples.CS.replace("acme.gainsightcloud.com", "success.acme.com\n  baseUrl: https://success.acme.com")
    assert project(tmp_path, text) == []


def test_a_community_talks_only_to_its_own_hosts(tmp_path: Path) -> None:
    good = examples.CC.replace("  sso: true", "  sso: true\n  baseUrl: https://api2-eu-west-1.insided.com")
    assert project(tmp_path / "good", good) == []
    bad = good.replace("api2-eu-west-1.insided.com", "example.com")
    assert [(code, hint) for code, _, hint in project(tmp_path / "bad", bad)] == [
        ("E-BASE-URL", "communities are found below insided.com")
    ]


def test_an_unknown_connection_is_reported_at_every_end(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        examples.CC.replace("connectedTo: acme-cs", "connectedTo: acme-sc"),
        examples.mapping(TITLE, to="acme-comunity", from_="nowhere"),
    )
    assert found == [
        ("E-CONNECTION", "example.yaml:11:16", "did you mean 'acme-cs'?"),
        ("E-CONNECTION", "example.yaml:21:9", "known here: acme-cs"),
        ("E-CONNECTION", "example.yaml:22:7", "did you mean 'acme-community'?"),
    ]


def test_connections_of_the_wrong_type(tmp_path: Path) -> None:
    found = project(tmp_path, examples.mapping(TITLE, to="acme-cs", from_="acme-community"))
    assert found == [
        ("E-CONNECTION", "example.yaml:5:9", "connections of this type: acme-cs"),
        ("E-CONNECTION", "example.yaml:6:7", "connections of this type: acme-community"),
    ]


def test_nothing_is_concluded_from_what_could_not_be_read(tmp_path: Path) -> None:
    """A broken connection is not also missing, and its fields are not also undeclared."""
    broken = examples.CC.replace("  region: eu-west-1", "  regin: eu-west-1")
    assert [code for code, *_ in project(tmp_path / "a", broken, examples.mapping(TITLE))] == ["E-KEY"]
    unreadable = {"config/a.yaml": "a: [", "config/b.yaml": examples.mapping(TITLE)}
    assert codes(load(tmp_path / "b", unreadable).diagnostics) == ["E-YAML-SYNTAX"]
    nameless = {
        "config/a.yaml": examples.CS.replace("name: acme-cs", "name: Acme"),
        "config/b.yaml": examples.mapping(TITLE),
    }
    assert codes(load(tmp_path / "c", nameless).diagnostics) == ["E-NAME"]


def test_a_mistake_in_one_mapping_does_not_hide_another(tmp_path: Path) -> None:
    text = examples.mapping(
        "object: Company Person, atribute: Title, profileField: Job Title",
        "object: Company Person, attribute: Titel, profileField: Region",
        "object: Persson, attribute: Name, profileField: Job Titel",
    ).replace("metadata:", "owner: me\nmetadata:")
    assert [(code, place) for code, place, _ in project(tmp_path, text)] == [
        ("E-KEY", "example.yaml:3:1"),
        ("E-KEY", "example.yaml:9:32"),
        ("E-ATTRIBUTE", "example.yaml:10:43"),
        ("E-OBJECT", "example.yaml:11:16"),
        ("E-PROFILE-FIELD", "example.yaml:11:56"),
    ]


def test_a_label_gets_the_api_name(tmp_path: Path) -> None:
    found = project(tmp_path, examples.mapping("object: Company Person, attribute: region, profileField: Region"))
    assert found == [("E-ATTRIBUTE", "example.yaml:8:43", "that is its label; its API name is Region__gc")]


def test_a_path_through_a_lookup_needs_no_catalog(tmp_path: Path) -> None:
    text = examples.mapping("object: Company Person, attribute: Company_ID__gr.Name, profileField: Job Title")
    assert [code for code, *_ in project(tmp_path / "with", text)] == ["E-LOOKUP"]
    assert [code for code, *_ in project(tmp_path / "without", text, catalog=False)] == ["W-CATALOG", "E-LOOKUP"]


def test_an_object_that_the_catalog_does_not_have(tmp_path: Path) -> None:
    text = '{"formatVersion": 1, "connection": "acme-cs", "objects": {}, "profileFields": {}, "usersRead": 0}'
    example = RULES["E-KEY"].good.__class__(text=examples.mapping(TITLE), catalog_text=text)
    loaded = load_project(playground.write(example, tmp_path), tmp_path)
    (warning,) = loaded.diagnostics
    assert warning.code == "W-CATALOG" and "Company Person of 'acme-cs'" in warning.message


def test_two_writers_in_two_files_are_both_named(tmp_path: Path) -> None:
    files = {
        "config/base.yaml": examples.CS + "---\n" + examples.CC,
        "config/b.yaml": examples.mapping(TITLE, name="b"),
        "config/a.yaml": "# first\n" + examples.mapping(TITLE, name="a"),
    }
    found = [d for d in load(tmp_path, files).diagnostics if d.code == "E-WRITER"]
    assert [(str(d.position), [(words, str(at)) for words, at in d.related]) for d in found] == [
        ("config/b.yaml:8:64", [("also written here", "config/a.yaml:9:64")])
    ]


def test_a_profile_field_declared_twice(tmp_path: Path) -> None:
    text = examples.CC + "    - {name: Job Title, type: number}\n"
    assert project(tmp_path, text) == [("E-DUPLICATE", "example.yaml:16:14", "keep one of the two")]


@pytest.mark.parametrize(
    ("name", "word"), [("", "is empty"), ("  ", "is empty"), (".", "folder"), ("a\\u0000b", "control")]
)
def test_names_that_cannot_be_written(name: str, word: str, tmp_path: Path) -> None:
    example = RULES["E-KEY"].good.__class__(
        text=examples.mapping(f'object: Company Person, attribute: Title, profileField: "{name}"')
    )
    loaded = load_project(playground.write(example, tmp_path), tmp_path)
    (found,) = loaded.diagnostics
    assert found.code == "E-UNUSABLE-NAME" and word in found.message


def test_the_wrong_tenant(tmp_path: Path) -> None:
    other = examples.CS.replace("acme-cs", "other-cs")
    found = project(tmp_path, other, examples.CS, examples.mapping(TITLE, from_="other-cs"), catalog=True)
    assert ("E-CONNECTED", "example.yaml:23:9", "write `from: acme-cs`") in found


def test_sso_is_asked_of_both_ends(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"config/a.yaml": (examples.CS + "---\n" + examples.CC).replace("sso: true", "sso: false")})
    (found,) = loaded.diagnostics
    assert found.code == "E-SSO" and "acme-community and acme-cs" in found.message and len(found.related) == 2


def test_every_data_type_has_a_place_or_a_reason(tmp_path: Path) -> None:
    from reconciler.config.rules.mappings import FITS

    assert set(FITS) == set(ProfileFieldType)
    homeless = set(DataType) - set().union(*FITS.values())
    assert homeless == {DataType.IMAGE}
    photo = examples.mapping("object: Person, attribute: Photo, profileField: Job Title")
    assert project(tmp_path, photo) == [
        ("E-FIELD-TYPE", "example.yaml:8:35", "an image has no text that could be written"),
    ]


def test_a_thousand_wrong_names_do_not_take_a_minute(tmp_path: Path) -> None:
    items = [f"object: Company Person, attribute: Titel{n}__gc, profileField: Job Titel {n}" for n in range(1000)]
    found = project(tmp_path, examples.mapping(*items))
    assert [code for code, *_ in found] == ["E-ATTRIBUTE", "E-PROFILE-FIELD"] * 1000
    assert found[-1][2] == "add it to profileFields of 'acme-community', and to the community if it is not there"


def test_a_damaged_catalog_is_not_a_missing_one(tmp_path: Path) -> None:
    text = catalogs.to_text(examples.CATALOG).replace('"label": "Title"', '"label": 5')
    example = Example(text=examples.mapping(TITLE), catalog_text=text)
    loaded = load_project(playground.write(example, tmp_path), tmp_path, use_cache=False)
    (found,) = loaded.diagnostics
    assert found.code == "E-CATALOG" and "objects.Company Person.fields.Title.label" in found.message
    assert found.position and text.splitlines()[found.position.line - 1][found.position.column - 1] == "5"
