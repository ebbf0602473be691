"""Diagnostics as text, JSON and annotations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.report import diagnostics as report
from reconciler.report.text import PLAIN, Style

ERROR = Diagnostic(
    code="E-OBJECT",
    message="'compny_person' is no source of profile fields",
    position=Position("mappings/profile.yaml", 2, 22, 13),
    hint="did you mean 'company_person'?",
)
SOURCE = "mappings:\n  - source: {object: compny_person, field: Title__gc}\n"


def text(*diagnostics: Diagnostic, source: str | None = SOURCE, style: Style = PLAIN) -> str:
    files = ["mappings/profile.yaml", "b.yaml", "c.yaml"]
    return report.to_text(diagnostics, source=lambda file: source, files=files, style=style)


def test_a_finding_with_its_place() -> None:
    assert text(ERROR) == (
        "error[E-OBJECT] 'compny_person' is no source of profile fields\n"
        " --> mappings/profile.yaml:2:22\n"
        "  |\n"
        "2 |   - source: {object: compny_person, field: Title__gc}\n"
        "  |                      ^^^^^^^^^^^^^ did you mean 'company_person'?\n"
        "  = help: reconcile explain E-OBJECT\n"
        "\n"
        "1 error in 1 file (2 files ok)\n"
    )


def test_related_places_and_warnings() -> None:
    warning = Diagnostic(
        code="W-PUBLIC",
        severity=Severity.WARNING,
        message="x",
        position=Position("b.yaml", 10, 3),
        related=(("also here", Position("c.yaml", 1, 2)),),
    )
    shown = text(ERROR, warning, source="\n".join(["- a: b"] * 10))
    assert "warning[W-PUBLIC] x\n  --> b.yaml:10:3\n   |\n10 | - a: b\n   |   ^\n   = also here: c.yaml:1:2\n" in shown
    assert shown.endswith("\n\n1 error, 1 warning in 2 files (1 file ok)\n")


def test_nothing_found() -> None:
    assert text() == "3 files ok\n"
    assert report.to_github([]) == ""


@pytest.mark.parametrize("source", [None, "", "one line\n", "\n   \n"])
def test_without_a_source_line_the_place_and_the_hint_remain(source: str | None) -> None:
    assert text(ERROR, source=source).splitlines()[1:4] == [
        " --> mappings/profile.yaml:2:22",
        "  = did you mean 'company_person'?",
        "  = help: reconcile explain E-OBJECT",
    ]


def test_more_findings_than_anybody_reads() -> None:
    warning = Diagnostic(code="W-PUBLIC", severity=Severity.WARNING, message="x", position=Position("b.yaml", 1, 1))
    found = [warning] * 450 + [ERROR] * 150
    shown = text(*found)
    assert (shown.count("error[E-OBJECT]"), shown.count("warning[W-PUBLIC]")) == (150, 350)
    assert "\n\n… and 100 more; `reconcile validate --output json` has them all\n\n" in shown
    assert shown.endswith("150 errors, 450 warnings in 2 files (1 file ok)\n")
    assert "more" not in text(*found[:500])
    assert len(json.loads(report.to_json(found))["diagnostics"]) == 600


def test_without_a_place() -> None:
    lost = Diagnostic(code="E-EMPTY", message="there is no document")
    assert text(lost).splitlines() == [
        "error[E-EMPTY] there is no document",
        "  = help: reconcile explain E-EMPTY",
        "",
        "1 error (3 files ok)",
    ]


def test_colour_is_an_option_and_only_adds_escapes() -> None:
    import re

    coloured = text(ERROR, style=Style(enabled=True))
    assert "\x1b[31m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == text(ERROR)


def test_carets_stand_below_what_they_mean() -> None:
    def frame(line: str, column: int, length: int) -> list[str]:
        found = Diagnostic(code="E-X", message="m", position=Position("f", 1, column, length))
        return report.to_text([found], source=lambda file: line, files=[]).splitlines()[3:5]

    assert frame("日本: x", 5, 1) == ["1 | 日本: x", "  |       ^"]
    assert frame("a\tb: c", 3, 1) == ["1 | a b: c", "  |   ^"]
    assert frame("e\u0301: c", 5, 1) == ["1 | e\u0301: c", "  |    ^"]
    assert frame("a: b", 4, 99) == ["1 | a: b", "  |    ^"]
    assert frame("a: b", 99, 5) == ["1 | a: b", "  |     ^"]
    source, carets = frame("x" * 500 + "HERE" + "y" * 500, 501, 4)
    assert len(source) < 140 and source.startswith("1 | …x") and source.endswith("y…")
    assert source[carets.index("^") : carets.rindex("^") + 1] == "HERE"


def test_a_place_that_could_hold_a_secret_is_not_shown() -> None:
    found = Diagnostic(code="E-SECRET", message="m", position=Position("f", 1, 4, 5))
    assert "canary" not in report.to_text([found], source=lambda file: "a: canary and more", files=[])


NASTY = "\x1b]0;x\x07\r\n\u202e\u2066\x9b31m\ud800\u2028"


def test_terminals_are_not_obeyed() -> None:
    found = Diagnostic(
        code="E-X", message=NASTY, hint=NASTY, position=Position(NASTY, 1, 1), related=((NASTY, Position(NASTY, 1, 1)),)
    )
    for shown in (report.to_text([found], source=lambda file: NASTY, files=[]), report.to_github([found])):
        assert not set(shown) & (set(NASTY) - {"\n", "x", "0", "3", "1", "m", ";", "]"})
        assert "\\x1b" in shown
    assert json.loads(report.to_json([found]))["diagnostics"][0]["message"] == NASTY


def test_json() -> None:
    warning = Diagnostic(code="W-X", severity=Severity.WARNING, message="w", related=(("r", Position("a", 1, 2, 3)),))
    content = json.loads(report.to_json([ERROR, warning]))
    assert content == {
        "formatVersion": 1,
        "valid": False,
        "errors": 1,
        "warnings": 1,
        "diagnostics": [
            {
                "code": "E-OBJECT",
                "severity": "error",
                "message": ERROR.message,
                "hint": ERROR.hint,
                "file": "mappings/profile.yaml",
                "line": 2,
                "column": 22,
                "length": 13,
                "related": [],
            },
            {
                "code": "W-X",
                "severity": "warning",
                "message": "w",
                "hint": None,
                "file": None,
                "line": None,
                "column": None,
                "length": None,
                "related": [{"message": "r", "file": "a", "line": 1, "column": 2, "length": 3}],
            },
        ],
    }
    assert json.loads(report.to_json([warning]))["valid"] is True


def test_github() -> None:
    assert report.to_github([ERROR], prefix="ops/") == (
        "::error file=ops/mappings/profile.yaml,line=2,col=22,endColumn=34,title=E-OBJECT::"
        "'compny_person' is no source of profile fields (did you mean 'company_person'?)\n"
    )
    odd = Diagnostic(code="W-X", severity=Severity.WARNING, message="100%: a,b", position=Position("a,b:c%.yaml", 1, 1))
    assert report.to_github([odd, Diagnostic(code="E-Y", message="m")]) == (
        "::warning file=a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=1,title=W-X::100%25: a,b\n::error title=E-Y::m\n"
    )


@given(st.text(), st.text(), st.integers(1, 50), st.integers(1, 50), st.integers(1, 10))
def test_any_message_and_any_source_can_be_shown(
    message: str, source: str, line: int, column: int, length: int
) -> None:
    found = Diagnostic(code="E-X", message=message, position=Position("f", line, column, length))
    shown = report.to_text([found], source=lambda file: source, files=["f"])
    assert shown.count("error[E-X]") >= 1 and "f:" in shown
    assert len(report.to_github([found]).splitlines()) == 1
