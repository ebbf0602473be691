"""Findings as SARIF and JUnit, and the comment on a pull request."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.report import pull_request
from reconciler.report.junit import to_junit
from reconciler.report.sarif import Rule, to_sarif

LOOKUP = Diagnostic(
    code="E-LOOKUP",
    message="'Company_ID' is a lookup",
    position=Position("mappings/new.yaml", 9, 43, 10),
    hint="map the value itself",
    related=(("also here", Position("mappings/a b.yaml", 2, 3)),),
)
PUBLIC = Diagnostic(
    code="W-PUBLIC", message="everybody sees it", severity=Severity.WARNING, position=Position("c.yaml", 1, 1)
)
EMPTY = Diagnostic(code="E-EMPTY", message="there is no document")
RULES = [
    Rule(code=code, title=f"title of {code}", why="why", fix="fix", severity=severity, help=f"# {code}")
    for code, severity in (("W-PUBLIC", Severity.WARNING), ("E-LOOKUP", Severity.ERROR), ("E-OTHER", Severity.ERROR))
]
FILES = ("mappings/new.yaml", "c.yaml", "fine.yaml")

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LOCATION: dict[str, Any] = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "message": TEXT,
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri", "uriBaseId"],
                    "properties": {"uri": {"type": "string", "minLength": 1}, "uriBaseId": {"const": "%SRCROOT%"}},
                },
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["startLine", "startColumn", "endColumn"],
                    "properties": {
                        name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn", "endColumn")
                    },
                },
            },
        },
    },
}
SARIF = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["$schema", "version", "runs"],
        "properties": {
            "$schema": {"type": "string"},
            "version": {"const": "2.1.0"},
            "runs": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["tool", "results"],
                    "properties": {
                        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                        "originalUriBaseIds": {"type": "object", "required": ["%SRCROOT%"]},
                        "tool": {
                            "type": "object",
                            "required": ["driver"],
                            "properties": {
                                "driver": {
                                    "type": "object",
                                    "required": ["name", "rules"],
                                    "properties": {
                                        "rules": {
                                            "type": "array",
                                            "uniqueItems": True,
                                            "items": {
                                                "type": "object",
                                                "additionalProperties": False,
                                                "required": ["id"],
                                                "properties": {
                                                    "id": {"type": "string"},
                                                    "shortDescription": TEXT,
                                                    "fullDescription": TEXT,
                                                    "help": TEXT,
                                                    "defaultConfiguration": {
                                                        "properties": {"level": {"enum": ["error", "warning"]}}
                                                    },
                                                },
                                            },
                                        }
                                    },
                                }
                            },
                        },
                        "results": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["ruleId", "level", "message", "locations"],
                                "properties": {
                                    "ruleId": {"type": "string"},
                                    "ruleIndex": {"type": "integer", "minimum": 0},
                                    "level": {"enum": ["none", "note", "warning", "error"]},
                                    "message": TEXT,
                                    "locations": {"type": "array", "minItems": 1, "items": LOCATION},
                                    "relatedLocations": {"type": "array", "items": LOCATION},
                                },
                            },
                        },
                    },
                },
            },
        },
    }
)
"""The part of SARIF 2.1.0 that we write, by section 3 of the standard and by what code scanning requires."""


def sarif(*diagnostics: Diagnostic, prefix: str = "") -> dict[str, Any]:
    text = to_sarif(diagnostics, rules=RULES, version="1.2.3", project_file="reconcile.yaml", prefix=prefix)
    content = json.loads(text)
    SARIF.validate(content)
    run: dict[str, Any] = content["runs"][0]
    for result in run["results"]:
        if "ruleIndex" in result:
            assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


# -- SARIF -------------------------------------------------------------------------------------------------------------


def test_a_result_has_its_place_its_rule_and_what_belongs_to_it() -> None:
    run = sarif(LOOKUP, PUBLIC, prefix="ops/config/")
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E-LOOKUP", "W-PUBLIC"]
    assert run["tool"]["driver"]["rules"][0]["help"] == {"text": "why\n\nTo fix it: fix", "markdown": "# E-LOOKUP"}
    assert run["tool"]["driver"]["semanticVersion"] == "1.2.3"
    assert run["columnKind"] == "unicodeCodePoints"
    first, second = run["results"]
    assert first["message"]["text"] == "'Company_ID' is a lookup (map the value itself)"
    assert (first["level"], second["level"]) == ("error", "warning")
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "ops/config/mappings/new.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 9, "startColumn": 43, "endColumn": 53},
            }
        }
    ]
    (related,) = first["relatedLocations"]
    assert related["message"] == {"text": "also here"}
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "ops/config/mappings/a%20b.yaml"


def test_a_result_without_a_place_stands_at_the_project_file_and_an_unknown_code_has_no_rule() -> None:
    (result,) = sarif(EMPTY, prefix="ops/")["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "ops/reconcile.yaml", "uriBaseId": "%SRCROOT%"}}
    assert "ruleIndex" not in result


def test_nothing_found_is_a_run_without_results() -> None:
    run = sarif()
    assert run["results"] == [] and run["tool"]["driver"]["rules"] == []


def test_a_finding_puts_no_link_into_a_viewer() -> None:
    found = Diagnostic(code="E-X", message="no [prize](https://evil.example) here", position=Position("f", 1, 1))
    (result,) = sarif(found)["results"]
    assert "](" not in result["message"]["text"]


@pytest.mark.parametrize("name", ["a:b.yaml", "ä ö.yaml", "100%.yaml", "q?#.yaml", "\ud800.yaml", "x/y z/[1].yaml"])
def test_uris_are_relative_and_lead_back_to_the_file(name: str) -> None:
    found = Diagnostic(code="E-X", message="m", position=Position(name, 1, 1))
    (result,) = sarif(found)["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(uri) == name.encode(errors="backslashreplace").decode()


# -- JUnit -------------------------------------------------------------------------------------------------------------


def junit(*diagnostics: Diagnostic, **options: Any) -> ElementTree.Element:
    """The suite, after what GitLab and Jenkins rely on was checked."""
    root = ElementTree.fromstring(to_junit(diagnostics, files=FILES, **options))
    assert root.tag == "testsuites"
    (suite,) = root
    cases = suite.findall("testcase")
    assert suite.tag == "testsuite" and len(cases) == len(suite)
    for counted in (root, suite):
        assert int(counted.attrib["tests"]) == len(cases)
        assert int(counted.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert counted.attrib["errors"] == "0"
    for case in cases:
        assert case.attrib["classname"] and case.attrib["name"] and float(case.attrib["time"]) == 0
        assert len(case) <= 1
        for failure in case:
            assert failure.tag == "system-out" or failure.attrib.keys() == {"type", "message"}
    return suite


def test_a_finding_is_a_failed_test_and_a_clean_file_a_passed_one() -> None:
    suite = junit(LOOKUP, PUBLIC, EMPTY, prefix="ops/")
    lookup, public, empty, fine = suite
    assert lookup.attrib == {
        "classname": "ops/mappings/new.yaml",
        "name": "9:43 E-LOOKUP 'Company_ID' is a lookup",
        "time": "0",
        "file": "ops/mappings/new.yaml",
    }
    assert lookup[0].attrib == {"type": "E-LOOKUP", "message": "'Company_ID' is a lookup"}
    assert (lookup[0].text or "").splitlines() == [
        "error[E-LOOKUP] 'Company_ID' is a lookup",
        "at ops/mappings/new.yaml:9:43",
        "hint: map the value itself",
        "also here: ops/mappings/a b.yaml:2:3",
        "help: reconcile explain E-LOOKUP",
    ]
    assert public.find("failure") is None
    assert "warning[W-PUBLIC] everybody sees it" in (public.findtext("system-out") or "")
    assert "file" not in empty.attrib and empty.find("failure") is not None
    assert fine.attrib["name"] == "valid" and len(fine) == 0 and fine.attrib["file"] == "ops/fine.yaml"


def test_strict_fails_on_warnings_too() -> None:
    assert len(junit(PUBLIC).findall("testcase/failure")) == 0
    assert len(junit(PUBLIC, strict=True).findall("testcase/failure")) == 1


NASTY = "a<b>&\"'\x00\x1b[31m]]>\ufffe\ud800\n\u202e"


def test_what_xml_cannot_hold_is_shown_in_another_form() -> None:
    found = Diagnostic(
        code="E-X", message=NASTY, hint=NASTY, position=Position(NASTY, 1, 1), related=((NASTY, Position(NASTY, 1, 1)),)
    )
    text = to_junit([found], files=[NASTY])
    text.encode()
    (case,) = ElementTree.fromstring(text)[0]
    assert case[0].attrib["message"] == "a<b>&\"'\\x00\\x1b[31m]]>\\ufffe\\ud800\\n\\u202e"


texts = st.text(st.characters(exclude_categories=()), max_size=20)
places = st.builds(Position, texts, st.integers(1, 99), st.integers(1, 99), st.integers(1, 9))
findings = st.builds(
    Diagnostic,
    code=st.sampled_from(["E-LOOKUP", "W-PUBLIC", "E-NEW"]),
    message=texts.filter(bool),
    severity=st.sampled_from(Severity),
    position=st.none() | places,
    hint=st.none() | texts,
    related=st.lists(st.tuples(texts.filter(bool), places), max_size=2).map(tuple),
)


@given(st.lists(findings, max_size=4), st.booleans())
def test_any_finding_gives_well_formed_reports_that_are_the_same_every_time(
    found: list[Diagnostic], strict: bool
) -> None:
    junit(*found, strict=strict)
    xml = to_junit(found, files=FILES, strict=strict)
    assert xml == to_junit(found, files=tuple(reversed(FILES)), strict=strict)
    rules = {"version": "1", "project_file": "p"}
    assert to_sarif(found, rules=RULES, **rules) == to_sarif(found, rules=RULES[::-1], **rules)


# -- the comment -------------------------------------------------------------------------------------------------------


def test_the_comment_names_its_commit_and_its_job() -> None:
    text = pull_request.comment(
        "### plan\n", note="All new.", commit="0123456789abcdef", job="https://git.example.com/a/b/-/jobs/7"
    )
    assert text == (
        "### plan\n\nAll new.\n\n"
        "<sub>commit `0123456789ab` · [the job, with the whole plan](https://git.example.com/a/b/-/jobs/7)</sub>\n"
    )


@pytest.mark.parametrize(
    "job", ["", "javascript:x", "https://a/)[x](https://evil.example", "https://a b", "https://a\n"]
)
def test_a_link_that_is_none_is_left_out(job: str) -> None:
    assert pull_request.comment("p", commit="not a commit", job=job) == "p\n"


def test_each_project_has_a_marker_that_nobody_sees() -> None:
    assert re.fullmatch(r"<!-- [\w ]+ -->", pull_request.marker("acme"))
    assert pull_request.marker("acme") != pull_request.marker("acme2")
