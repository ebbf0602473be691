"""Status, activity, records and export: the words, columns and colours that admins know, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.acceptance.projects import COUNTRY, ROLE, TIER, TITLE, ProjectFolder, assert_balanced
from tests.acceptance.world import World

HEAD = ["User ID", "User Name", "CC User Profile Field", "Value", "Status"]


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_export_has_the_columns_and_words_of_gainsight(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    project.mapping("acme-profile", [TITLE, COUNTRY, TIER])
    project.ready()
    members = world.members()
    gone, long = members[1], members[2]
    project.mapping("acme-notes", [("Company Person", "Notes__gc", "Region")])
    world.edit("company_person", str(long["email"]), Notes__gc="x" * 3_000)
    project.apply()
    world.fault({"erase_user": True}, method="PUT", path=f"/user/{gone['userid']}/profile_field/", times=1)
    project.sync(code=3)
    project.sync("acme-notes", code=3)

    rows = _rows(project.run("export").expect(0).out)
    assert rows[0] == HEAD
    assert {row[4] for row in rows[1:]} == {"Updated", "Profile_field_not_exists", "User_not_found", "Unexpected_error"}
    found = {(row[0], row[2]): row for row in rows[1:]}
    assert len(found) == len(rows) - 1, "each value once"
    for (user, field), row in found.items():
        match row[4]:
            case "Updated":
                assert world.profile(user)[field] == row[3].removeprefix("'")
                assert row[1] == world.member(next(m["email"] for m in members if str(m["userid"]) == user))["username"]
            case "Profile_field_not_exists":
                assert field == "Support Tier"
            case "User_not_found":
                assert user == str(gone["userid"])
            case "Unexpected_error":
                assert (user, field) == (str(long["userid"]), "Region")
    one = _rows(project.run("export", "acme-notes").expect(0).out)
    assert {row[2] for row in one[1:]} == {"Region"}


def test_the_export_goes_to_a_file_as_a_whole_or_not_at_all(project: ProjectFolder) -> None:
    project.ready().sync()
    path = project.root / "synced.csv"
    done = project.run("export", "--out", path).expect(0)
    assert path.read_bytes().decode() == project.run("export").out
    assert path.read_bytes().count(b"\r\n") == len(_rows(path.read_text()))
    assert done.out == f"Saved to {path}\n"
    refused = project.run("export", "--out", path / "x.csv").expect(1)
    assert "cannot write" in refused.err
    assert "hint:" in refused.err
    project.run("export", "--out", project.root).expect(64)
    for own in ("reconcile.yaml", "mappings/new.yaml", "var/reconciler.db", "var/state.json", "catalog/acme-cs.json"):
        before = (project.root / own).read_bytes() if (project.root / own).exists() else None
        for words in (("export",), ("plan",)):
            assert "belongs to the project" in project.run(*words, "--out", project.root / own).expect(64).err
        assert ((project.root / own).read_bytes() if (project.root / own).exists() else None) == before


@pytest.mark.parametrize(
    "value", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", '=HYPERLINK("http://x.example","y")', " =1+1", "＝1+1", "＠x"]
)  # fmt: skip
def test_a_spreadsheet_runs_nothing_of_an_export(project: ProjectFolder, value: str) -> None:
    world = project.world
    member = world.members()[0]
    world.edit("company_person", str(member["email"]), Title=value)
    project.ready().sync()
    assert world.profile(member["userid"])["Job Title"] == value, "the community gets it as it is"
    row = next(row for row in _rows(project.run("export").out) if row[3].endswith(value.strip()))
    assert row[3] == "'" + value
    raw = next(row for row in _rows(project.run("export", "--raw").out) if row[3].endswith(value.strip()))
    assert raw[3] == value


def test_numbers_and_line_breaks_survive_the_export(project: ProjectFolder) -> None:
    world = project.world
    first, second = world.members()[:2]
    world.edit("company_person", str(first["email"]), Title="-5")
    world.edit("company_person", str(second["email"]), Title='say "hi", friend')
    project.ready().sync()
    values = {row[0]: row[3] for row in _rows(project.run("export").out) if row[2] == "Job Title"}
    assert values[str(first["userid"])] == "-5"
    assert values[str(second["userid"])] == 'say "hi", friend'


def test_names_that_a_terminal_would_obey_are_shown_and_not_obeyed(project: ProjectFolder) -> None:
    world = project.world
    world.add_member("evil@acme.example", username="\x1b]0;owned\x07\rroot\u202e")
    world.add_person("evil@acme.example", company_person={"Title": ".."})
    project.ready()
    project.sync(code=3)
    shown = project.run("records", "acme-profile").out
    assert "\\x1b]0;owned" in shown
    assert not re.search(r"[\x1b\x07\r\u202e]", shown)


# ---- the activity log


def test_the_activity_log_tells_of_every_cycle(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    project.mapping("acme-more", [ROLE, ("Company Person", "Region__gc", "Support Tier")])
    project.ready()
    project.sync()
    project.sync("acme-more", code=3)
    world.fault({"status": 404}, method="GET", path="/api1/user$")
    project.run("sync", "acme-profile").expect(1)
    world.heal()
    project.sync()

    runs = project.run("activity", "--output", "json").expect(0).json["runs"]
    assert [run["id"] for run in runs] == [4, 3, 2, 1], "the newest first"
    assert [run["result"] for run in runs] == ["Success", "Failed", "Partial Success", "Success"]
    assert {run["job"] for run in runs} == {"CC User Profile Update"}
    assert {run["connection"] for run in runs} == {"acme-community"}
    for run in runs:
        assert run["start"] <= run["end"]
        counts = run["counts"]
        valid = counts["unchanged"] + counts["updated"] + counts["created"] + counts["skipped"]
        assert (run["valid"], run["invalid"]) == (valid, counts["rejected"])
        assert counts["read"] == valid + counts["rejected"] + counts["not_attempted"]
    assert runs[1]["reason"]

    text = project.run("activity", "2").expect(0).out
    assert "CC User Profile Update" in text
    assert f"Summary     {runs[2]['valid']} valid values, {runs[2]['invalid']} invalid values" in text
    assert "Department" in text
    assert_balanced(text)


def test_the_activity_log_can_be_filtered_searched_and_paged(project: ProjectFolder) -> None:
    project.mapping("acme-more", [ROLE])
    project.ready()
    for name in ("acme-profile", "acme-more", "acme-profile"):
        project.sync(name)
    project.world.fault({"status": 404}, method="GET", path="/api1/user$")
    project.run("sync", "acme-more").expect(1)

    def found(*words: str) -> list[int]:
        return [run["id"] for run in project.run("activity", *words, "--output", "json").expect(0).json["runs"]]

    assert found() == [4, 3, 2, 1]
    assert found("--document", "acme-more") == [4, 2]
    assert found("--result", "failed") == [4]
    assert found("--result", "SUCCESS") == [3, 2, 1]
    assert found("--search", "HTTP 404") == [4]
    assert found("--search", "profile update", "--document", "acme-profile") == [3, 1]
    assert found("--search", "100%_nothing") == []
    assert found("--limit", "2") == [4, 3]
    assert found("--limit", "2", "--before", "3") == [2, 1]
    assert "No runs match." in project.run("activity", "--search", "nothing of the kind").expect(0).out
    rows = _rows(project.run("activity", "--output", "csv").expect(0).out)
    assert rows[0] == [
        "Run",
        "Start",
        "End",
        "Job",
        "Document",
        "Connection",
        "Result",
        "Valid",
        "Invalid",
        "Calls",
        "Reason",
    ]
    assert [row[0] for row in rows[1:]] == ["4", "3", "2", "1"]


# ---- status


def test_the_four_statuses_and_their_colours(project: ProjectFolder) -> None:
    world = project.world
    project.mapping("acme-more", [ROLE, TIER])
    project.ready()
    assert {word for word, _ in project.status().values()} == {"Pending"}
    assert project.status()["Job Title"][1] == "new: waits for its first cycle"
    project.sync("acme-more", code=3)
    project.sync()
    listed = project.run("status", "--output", "json").json
    documents = {entry["name"]: entry for entry in listed["documents"]}
    assert (documents["acme-profile"]["status"], documents["acme-profile"]["colour"]) == ("Successful", "green")
    assert (documents["acme-more"]["status"], documents["acme-more"]["colour"]) == ("Partially Successful", "yellow")
    parts = {entry["profileField"]: entry["status"] for entry in documents["acme-more"]["mappings"]}
    assert parts == {"Department": "Successful", "Support Tier": "Partially Successful"}
    assert documents["acme-profile"]["lastRun"] == 2
    assert documents["acme-profile"]["nextDue"] > documents["acme-profile"]["lastRunAt"]
    assert documents["acme-profile"]["counts"]["read"] == sum(
        entry["counts"]["read"] for entry in documents["acme-profile"]["mappings"]
    )
    world.fault({"status": 404}, method="GET", path="/api1/user$")
    project.run("sync", "acme-profile").expect(1)
    failed = project.run("status", "acme-profile", "--output", "json").json["documents"][0]
    assert (failed["status"], failed["colour"]) == ("Failed", "red")
    assert failed["since"] >= documents["acme-profile"]["since"]
    project.mapping("acme-profile", [("Company Person", "Department__gc", "Job Title"), COUNTRY])
    project.apply()
    assert project.status()["Job Title"] == ("Pending", "changed: waits for its next cycle")
    assert project.status()["Country"][0] == "Failed", "what did not change keeps its status"


def test_a_status_says_why_and_what_to_do(project: ProjectFolder, world: World) -> None:
    project.mapping("acme-profile", [TITLE, TIER])
    project.ready().sync(code=3)
    text = project.run("status").expect(0).out
    assert "◐ Partially Successful" in text
    assert "● Successful" in text
    assert "create the profile field in the community, or correct the mapping" in text
    world.rename_field("City", "Support Tier")
    project.sync()
    assert {word for word, _ in project.status().values()} == {"Successful"}
