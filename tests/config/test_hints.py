"""Mistakes whose hint has to name the way out, not only the rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config.load import load_project
from reconciler.config.rules import examples, lookups, names, playground
from reconciler.config.rules.base import Example
from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.diagnostic import Diagnostic

TITLE = "object: Company Person, attribute: Title, profileField: Job Title"


def one(root: Path, text: str, *, catalog: bool = True, code: str = "") -> Diagnostic:
    """The only finding about a file, less the warning that there is no catalog."""
    loaded = load_project(playground.write(Example(text=text, catalog=catalog), root), root, use_cache=False)
    (found,) = (found for found in loaded.diagnostics if found.code != "W-CATALOG")
    assert found.code == (code or found.code)
    return found


def scheduled(text: str) -> str:
    return examples.mapping(TITLE).replace("  mappings:", f"  schedule: {text}\n  mappings:")


@pytest.mark.parametrize(
    ("schedule", "message", "hint"),
    [
        ("{every: 4}", "text is expected here, found a number", "write 4h for hours, 4d for days"),
        ("{every: 30}", "text is expected", "write 30h for hours, 30m for minutes, 30d for days"),
        ('{every: "4"}', "a period is a whole number and a unit", "write 4h for hours, 4d for days"),
        ("{every: 0}", "text is expected", "write a whole number and a unit: 30m, 4h, 1d"),
        ("{every: true}", "text is expected", "write a whole number and a unit: 30m, 4h, 1d"),
        ("{every: 4 hours}", "a whole number and a unit", "write 4h"),
        ("{every: 4H}", "a whole number and a unit", "write 4h"),
        ("{every: 1.5h}", "a whole number and a unit", "write 90m"),
        ("{every: 1 hour 30 minutes}", "a whole number and a unit", "write 90m"),
        ("{every: PT4H}", "a whole number and a unit", "write 4h"),
        ("{every: P1D}", "a whole number and a unit", "write 1d"),
        ("{every: 2 weeks}", "a whole number and a unit", "write 14d"),
        ("{every: -4h}", "a whole number and a unit", "a period is never negative: write 4h"),
        ("{every: 30 sec}", "a whole number and a unit", "write {every: 4h}, or"),
        ("{every: 3 fortnights}", "a whole number and a unit", "write {every: 4h}, or"),
        ("{every: daily}", "a whole number and a unit", "write {every: 4h}, or"),
        ("{every: 1s}", "a period is at least 5m", "write 5m or more"),
        ("{every: 4m}", "a period is at least 5m", "write 5m or more"),
        ("{every: 400d}", "a period is at most 366d", "write 366d or less"),
        ('{cron: "0 0 * * * *"}', "a cron expression has five fields", "this one has 6 fields: leave out the seconds"),
        ('{cron: "0 0 0 * * * 2026"}', "a cron expression has five fields", "this one has 7 fields"),
        ('{cron: "@daily"}', "a cron expression has five fields", 'write "0 0 * * *"'),
        ('{cron: "@reboot"}', "a cron expression has five fields", "write {every: 4h}, or"),
        ('{cron: "R * * * *"}', "a cron field is made of", "random and special letters"),
        ('{cron: "0 0 31 2 *"}', "this cron expression never fires", "choose a day that the month has"),
        ('{cron: "* * * * *"}', "more often than every 5 minutes", 'write "*/5 * * * *" or rarer'),
        ('{cron: "61 * * * *"}', "61 is no minute, which goes from 0 to 59", "write a number within"),
        ('{cron: "0 6 1-32 * *"}', "32 is no day of the month, which goes from 1 to 31", "write a number within"),
        ('{cron: "*/0 * * * *"}', "the step of the minute is 0", "write a number within"),
        ("{cron: 5}", "text is expected", "write five fields in quotes"),
        ('{cron: "0 6 * * *", timezone: Europe/Berln}', "no IANA time zone", "did you mean 'Europe/Berlin'"),
        ('{cron: "0 6 * * *", timezone: new york}', "no IANA time zone", "did you mean 'America/New_York'"),
        ('{cron: "0 6 * * *", timezone: "+01:00"}', "no IANA time zone", "write REGION/CITY"),
        ("4h", "a mapping is expected here, found text", "write {every: 4h}, or"),
        ("{cron: * * * * *}", "alias", "quote text that begins with *"),
    ],
)
def test_a_wrong_schedule_says_how_to_write_it(schedule: str, message: str, hint: str, tmp_path: Path) -> None:
    found = one(tmp_path, scheduled(schedule))
    assert message in found.message and (found.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("profileField: Job Title", 'profileField: ""', "E-UNUSABLE-NAME", "declares: Job Title, Region, Seats"),
        ("attribute: Title", 'attribute: ""', "E-VALUE", "write the API name of an attribute, such as Title"),
        ("  mappings:\n    - {" + TITLE + "}", "  mappings: []", "E-VALUE", "write at least one mapping, or remove the document"),
        ("  mappings:\n    - {" + TITLE + "}", "  mappings:", "E-TYPE", "write a list: `- {object: Company Person"),
        ("{name: acme-profile}", '{name: acme-profile, labels: {"": x}}', "E-VALUE", "write it, or remove the key"),
    ],
)  # fmt: skip
def test_what_is_empty(old: str, new: str, code: str, hint: str, tmp_path: Path) -> None:
    text = examples.mapping(TITLE)
    assert old in text
    found = one(tmp_path, text.replace(old, new), code=code)
    assert hint in (found.hint or "") and "empty" in found.message + code.replace("E-TYPE", "empty")


def test_an_empty_name_where_nothing_is_declared(tmp_path: Path) -> None:
    community = examples.CC.split("  profileFields:")[0]
    text = community + "---\n" + examples.mapping(TITLE.replace("Job Title", '""'))
    assert one(tmp_path, text).hint == "write the name of a profile field that 'acme-community' declares"
    declared = examples.CC.replace("name: Region", 'name: ""')
    assert one(tmp_path, declared, code="E-UNUSABLE-NAME").hint == "write the name as it is in the community"


# -- lookups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*lookups.STANDARD, "parentcompany"])
@pytest.mark.parametrize("catalog", [True, False])
def test_standard_lookups_are_known_with_and_without_a_catalog(name: str, catalog: bool, tmp_path: Path) -> None:
    found = one(tmp_path, examples.mapping(TITLE.replace("Title", name, 1)), catalog=catalog, code="E-LOOKUP")
    assert found.message.startswith(f"'{name}' is a lookup, and lookups cannot be mapped: ")


def test_the_catalog_has_the_last_word_about_an_attribute_that_is_no_id(tmp_path: Path) -> None:
    def found(field: CatalogField) -> list[str]:
        person = examples.CATALOG.objects["Company Person"]
        known = replace(person, fields={**person.fields, field.name: field})
        catalog = replace(examples.CATALOG, objects={**examples.CATALOG.objects, "Company Person": known})
        file = playground.write(Example(text=examples.mapping(TITLE.replace("Title", field.name, 1))), tmp_path)
        loaded = load_project(file, tmp_path, catalogs={"acme-cs": catalog})
        return [f"{found.code} {found.message}" for found in loaded.diagnostics]

    manager = CatalogField(name="Manager", label="Manager", data_type=DataType.STRING)
    assert found(manager) == []
    # Some tenants describe the standard lookups as ids without any sign of a lookup.
    (refused,) = found(replace(manager, data_type=DataType.GSID))
    assert refused.startswith("E-LOOKUP 'Manager' is a lookup")
    (told,) = found(replace(manager, lookup=True, lookup_reason="its data type is LOOKUP"))
    assert told.endswith("its data type is LOOKUP")


def test_the_label_of_a_lookup_leads_to_no_lookup(tmp_path: Path) -> None:
    found = one(tmp_path, examples.mapping(TITLE.replace("Title", "Company", 1)), code="E-ATTRIBUTE")
    assert found.hint == "that is the label of Company_ID, a lookup, and lookups cannot be mapped"


@pytest.mark.parametrize("name", ["Job Title", '" Title"', "Job-Title", '"Title\\n"', "Überschrift"])
def test_what_is_no_api_name_is_told_without_a_catalog(name: str, tmp_path: Path) -> None:
    found = one(tmp_path, examples.mapping(TITLE.replace("Title", name, 1)), catalog=False, code="E-ATTRIBUTE")
    assert "API name" in found.message and "Region__gc" in (found.hint or "")


# -- names of profile fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/../b", "means a folder in a URL"),
        ("../b", "means a folder in a URL"),
        ("a\\\\..", "means a folder in a URL"),
        ("a\\tb", "contains control characters"),
        ("a\\x85b", "contains control characters"),
        ("漢" * 223, "takes 2,007 bytes in a URL, of at most 2,000"),
    ],
)
def test_names_that_no_url_carries(name: str, why: str, tmp_path: Path) -> None:
    declared = one(tmp_path, examples.CC.replace("name: Region", f'name: "{name}"'), code="E-UNUSABLE-NAME")
    assert why in declared.message and len(declared.message) < 150
    mapped = one(tmp_path, examples.mapping(TITLE.replace("Job Title", f'"{name}"')), code="E-UNUSABLE-NAME")
    assert why in mapped.message


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Region/Country", "contains /"),
        ("Region\\\\Country", "contains \\"),
        (" Region", "begins or ends with a space"),
        ("Region ", "begins or ends with a space"),
        ("Re\\u200bgion", "the invisible character U+200B"),
        ("Re\\u00a0gion", "the invisible character U+00A0"),
        ("Re\\u202egion", "the invisible character U+202E"),
    ],
)
def test_names_that_may_not_arrive_are_warned_about_once(name: str, why: str, tmp_path: Path) -> None:
    community = examples.CC.replace("name: Region", f'name: "{name}"')
    text = community + "---\n" + examples.mapping(TITLE, TITLE.replace("Job Title", f'"{name}"'))
    found = one(tmp_path, text, code="W-NAME")
    assert why in found.message and found.hint


@pytest.mark.parametrize("name", ["..a", "a..b", "50%", "ü é", "a?b#c", "a+b;c", "👩‍💻", "漢" * 222, "a.b", "a%2Fb"])
def test_names_that_arrive(name: str) -> None:
    assert names.unusable(name) is None
    assert names.doubtful(name) is None


# -- the project file --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("stateFile: ../state.json", "E-PATH", "does not lead below"),
        ("stateFile: /tmp/state.json", "E-PATH", "does not lead below"),
        ("stateFile: ./reconcile.yaml", "E-PATH", "would be written into reconcile.yaml"),
        ("stateFile: config/state.json", "E-PATH", "would be written into config"),
        ("stateFile: catalog//acme-cs.json", "E-PATH", "would be written into catalog"),
        ("stateFile: var/reconciler.db", "E-PATH", "would be written into var/reconciler.db"),
        ("database: sqlite:///config/x.db", "E-PATH", "would be written into config"),
        ("database: sqlite:///reconcile.yaml", "E-PATH", "would be written into reconcile.yaml"),
        ("database: reconciler.db", "E-VALUE", "no URL of a database that is supported"),
        ("database: mysql://host/name", "E-VALUE", "no URL of a database that is supported"),
        ("database: postgresql://host", "E-VALUE", "no URL of a database that is supported"),
        ('database: "sqlite:///:memory:"', "E-VALUE", "no URL of a database that is supported"),
        ("database: 5", "E-TYPE", "a database URL stands here"),
        ("loop: {poll: 30}", "E-TYPE", "text is expected"),
        ("configs: []", "E-VALUE", "this list is empty"),
        ('stateFile: ""', "E-VALUE", "this text is empty"),
    ],
)
def test_the_project_file_says_what_to_write(line: str, code: str, message: str, tmp_path: Path) -> None:
    project = examples.PROJECT + f"  {line}\n"
    if line.startswith("configs"):
        project = examples.PROJECT.replace("  configs: [config]\n", f"  {line}\n")
    with pytest.raises(errors.ConfigInvalid) as caught:
        load_project(playground.write(Example(text=examples.CS, project=project), tmp_path), tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == code and message in found.message and found.hint
    assert found.position and project.splitlines()[found.position.line - 1].strip() == line
    assert found.position.column > len("  configs:")


@pytest.mark.parametrize(
    "line",
    [
        "stateFile: var/state.json",
        "stateFile: config2/state.json",
        "database: sqlite:////var/lib/x.db",
        "database: sqlite:///x.db",
        "database: postgresql:///name",
        "database: postgresql+psycopg://me@host:5432/name?sslmode=require",
        "database: {env: RECONCILER_DATABASE_URL}",
    ],
)
def test_paths_and_databases_that_are_possible(line: str, tmp_path: Path) -> None:
    project = examples.PROJECT + f"  {line}\n"
    file = playground.write(Example(text=examples.CS, project=project), tmp_path)
    assert load_project(file, tmp_path).diagnostics == ()


def test_a_folder_that_is_not_there_names_the_one_that_is(tmp_path: Path) -> None:
    def missing(entry: str) -> str:
        project = examples.PROJECT.replace("[config]", f"[{entry}]")
        with pytest.raises(errors.ConfigIncomplete, match="does not exist") as caught:
            load_project(playground.write(Example(text=examples.CS, project=project), tmp_path), tmp_path)
        return caught.value.hint or ""

    assert missing("confg").startswith("did you mean 'config'? Then correct spec.configs")
    assert missing("config/acme-comunity.yaml").startswith("did you mean 'config/acme-community.yaml'? Then")
    assert missing("nothing/alike") == "correct spec.configs in reconcile.yaml, or restore the file"


def test_a_project_file_that_is_a_link_is_called_one(tmp_path: Path) -> None:
    file = playground.write(Example(text=examples.CS), tmp_path)
    file.rename(tmp_path / "real.yaml")
    file.symlink_to("real.yaml")
    with pytest.raises(errors.ConfigIncomplete, match="is a symbolic link"):
        load_project(file, tmp_path)


# -- one mistake, one error --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "word"), [("Job Title", "NO"), ("Title", "012"), ("Company Person", "4:00")])
def test_nothing_is_concluded_from_a_value_that_is_not_known(old: str, word: str, tmp_path: Path) -> None:
    text = examples.mapping(TITLE).replace(old, word, 1)
    assert one(tmp_path, text, code="E-YAML-AMBIGUOUS").hint


def test_the_deciding_key_in_other_letters(tmp_path: Path) -> None:
    for key in ("Kind", "kinds"):
        found = one(tmp_path, examples.mapping(TITLE).replace("kind:", f"{key}:"), code="E-KEY")
        assert (found.hint, found.position and found.position.line) == ("did you mean 'kind'?", 2)
    found = one(tmp_path, examples.CS.replace("  type:", "  Type:"), code="E-KEY")
    assert (found.hint, found.position and found.position.line) == ("did you mean 'type'?", 5)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (examples.mapping(TITLE).replace("{" + TITLE + "}", "Title -> Job Title"), "write {object: Company Person, "),
        (examples.CC.replace("{name: Job Title, visibility: private}", "Job Title"), "write {name: Job Title, "),
    ],
)
def test_items_of_lists_in_full(text: str, hint: str, tmp_path: Path) -> None:
    assert (one(tmp_path, text, code="E-TYPE").hint or "").startswith(hint)


def test_a_file_with_thousands_of_mistakes_is_one_mistake(tmp_path: Path) -> None:
    file = playground.write(Example(text="---\na: 1\n" * 3000), tmp_path)
    found = load_project(file, tmp_path).diagnostics
    assert len(found) == 100
    assert found[-1].message.endswith("(and 2,900 more documents of this file have errors)")
