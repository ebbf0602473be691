"""The activity log and single runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.outcome import ADVICE, Outcome, Reason
from reconciler.model.run import CUT_OFF, Extent, Run, RunResult, Tally
from reconciler.report import activity, matches
from reconciler.report.text import Style

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def tally() -> Tally:
    found = Tally(read=2410)
    found.add(Outcome.UPDATED, count=1200)
    found.add(Outcome.UNCHANGED, count=1000)
    found.add(Outcome.SKIPPED, Reason.NULL, 200)
    found.add(Outcome.REJECTED, Reason.USER_MISSING, 7)
    found.add(Outcome.NOT_ATTEMPTED, count=3)
    found.add(Outcome.REJECTED, Reason.REFUSED, 0)
    return found


RUN = Run(
    id=12,
    kind="ProfileFieldMapping",
    document="acme-profile",
    job="CC User Profile Update",
    connection="acme-community",
    started_at=START,
    ended_at=START + timedelta(seconds=83, milliseconds=460),
    result=RunResult.PARTIAL,
    tally=tally(),
    calls=1231,
    reason="7 × user-missing",
)
RUNNING = replace(RUN, id=13, ended_at=None, result=RunResult.RUNNING, tally=Tally(), reason="")


def test_the_log_is_one_line_a_run() -> None:
    assert activity.to_text([RUNNING, RUN]).split("\n") == [
        "Run  Start                 End                   Job                     Document      Connection      Result"
        "           Valid  Invalid",
        " 13  2026-11-22 12:00:00Z  -                     CC User Profile Update  acme-profile  acme-community  Running"
        "              0        0",
        " 12  2026-11-22 12:00:00Z  2026-11-22 12:01:23Z  CC User Profile Update  acme-profile  acme-community"
        "  Partial Success  2,400        7",
    ]


def test_a_run_that_was_cut_off_says_so() -> None:
    cut_off = replace(RUNNING, result=RunResult.INTERRUPTED, reason=CUT_OFF, progress_at=START)
    lines = activity.to_text([cut_off, RUN]).split("\n")
    assert "  Interrupted  " in lines[1]
    assert lines[3:] == ["", "run 13 was cut off; the next cycle resumes it"]
    whole = activity.run_to_text(cut_off, {})
    assert "(cut off, last progress 2026-11-22 12:00:00Z)" in whole
    assert "  reason      cut off; the next cycle resumes it" in whole
    assert (activity.run_json(cut_off)["end"], activity.run_json(cut_off)["result"]) == (None, "Interrupted")


def test_an_empty_log() -> None:
    assert activity.to_text([]) == "No runs match."


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (RunResult.SUCCESS, "32"),
        (RunResult.PARTIAL, "33"),
        (RunResult.FAILED, "31"),
        (RunResult.RUNNING, "2"),
        (RunResult.INTERRUPTED, "2"),
    ],
)
def test_results_have_colours(result: RunResult, code: str) -> None:
    text = activity.to_text([replace(RUN, result=result)], style=Style(enabled=True))
    assert f"\x1b[{code}m{result.value}\x1b[0m" in text


def test_csv_has_plain_figures_and_the_reason() -> None:
    (row,) = activity.csv_rows([RUN])
    assert len(row) == len(activity.CSV_HEAD)
    assert dict(zip(activity.CSV_HEAD, row, strict=True)) == {
        "Run": "12",
        "Start": "2026-11-22 12:00:00Z",
        "End": "2026-11-22 12:01:23Z",
        "Job": "CC User Profile Update",
        "Document": "acme-profile",
        "Connection": "acme-community",
        "Result": "Partial Success",
        "Valid": "2400",
        "Invalid": "7",
        "Calls": "1231",
        "Reason": "7 × user-missing",
    }


def test_one_run_in_full() -> None:
    assert activity.run_to_text(RUN, {"City": tally()}).split("\n") == [
        "Run 12  CC User Profile Update  Partial Success",
        "  document    ProfileFieldMapping/acme-profile",
        "  connection  acme-community",
        "  time        2026-11-22 12:00:00Z → 2026-11-22 12:01:23Z  (83.5 s)",
        "  calls       1,231",
        "  Summary     2,400 valid values, 7 invalid values",
        "  reason      7 × user-missing",
        "",
        "Profile field  updated  unchanged  skipped  rejected  not attempted   read",
        "City             1,200      1,000      200         7              3  2,410",
        "",
        "2,410 values read = 1,200 updated + 1,000 unchanged + 200 skipped + 7 rejected + 3 not attempted",
        "",
        f"      200  null: {ADVICE[Reason.NULL]}",
        f"        7  user-missing: {ADVICE[Reason.USER_MISSING]}",
    ]


def test_an_import_counts_records_of_objects_and_adds_who_its_members_are() -> None:
    run = replace(RUN, kind="CommunityImport", document="acme-community", tally=Tally(), reason="")
    counts = {"matched": 97, "unmatched": 2}
    lines = activity.run_to_text(run, {"Topic": Tally()}, notes=matches.notes(run.document, counts)).split("\n")
    assert lines[5] == "  Summary     0 valid records, 0 invalid records"
    assert lines[7].startswith("Object  updated")
    assert lines[-3:] == [
        "0 records read = 0 updated + 0 unchanged + 0 skipped + 0 rejected + 0 not attempted",
        "99 members: 97 matched, 0 ambiguous, 2 unmatched",
        "reconcile records acme-community --outcome unmatched",
    ]


def test_a_run_without_trouble_has_neither_reason_nor_advice() -> None:
    text = activity.run_to_text(replace(RUN, tally=Tally(), reason=""), {})
    assert "reason" not in text
    assert text.endswith("0 not attempted")


def test_a_run_that_is_under_way_says_when_it_last_moved() -> None:
    assert activity.duration(RUNNING) == "running, last progress -"
    moved = replace(RUNNING, progress_at=START + timedelta(minutes=5))
    assert activity.duration(moved) == "running, last progress 2026-11-22 12:05:00Z"


def test_names_cannot_move_the_cursor() -> None:
    bad = replace(RUN, document="a\x1b[2J", connection="c\n", reason="no\ranswer")
    for text in (activity.to_text([bad]), activity.run_to_text(bad, {"Ci\nty": Tally()})):
        assert "\x1b" not in text
        assert "\r" not in text
        assert "a\\x1b[2J" in text
    assert "Ci\\nty" in activity.run_to_text(bad, {"Ci\nty": Tally()})


def test_mappings_are_sorted_by_name() -> None:
    lines = activity.mapping_table({"b": Tally(), "a": Tally(), "C": Tally()}).split("\n")
    assert [line[0] for line in lines[1:]] == ["C", "a", "b"]


counts = st.dictionaries(st.sampled_from(Outcome), st.integers(0, 10**6))


@given(counts)
def test_the_figures_of_the_balance_add_up(found: dict[Outcome, int]) -> None:
    whole = Tally(read=sum(found.values()))
    for outcome, count in found.items():
        whole.add(outcome, count=count)
    line = activity.balance(whole)
    read, *parts = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+", line))
    assert read == sum(parts) == whole.read
    table = activity.mapping_table({"City": whole}).split("\n")[1]
    *cells, total = (int(number.replace(",", "")) for number in table.removeprefix("City").split())
    assert sum(cells) == total == whole.read


def test_what_was_created_is_shown_only_where_something_was() -> None:
    created = Tally(read=2)
    created.add(Outcome.CREATED, count=2)
    assert "2 created" in activity.balance(created)
    assert "created" not in activity.balance(tally())
    assert "created" in activity.mapping_table({"a": tally(), "b": created}).split("\n")[0]


def test_json_of_the_log_and_of_a_run() -> None:
    data = activity.to_json([RUN, RUNNING])
    assert json.loads(json.dumps(data)) == data
    assert data["formatVersion"] == 1
    assert activity.run_json(RUN) == {
        "id": 12,
        "kind": "ProfileFieldMapping",
        "document": "acme-profile",
        "job": "CC User Profile Update",
        "connection": "acme-community",
        "start": "2026-11-22T12:00:00Z",
        "end": "2026-11-22T12:01:23Z",
        "result": "Partial Success",
        "reason": "7 × user-missing",
        "calls": 1231,
        "extent": None,
        "valid": 2400,
        "invalid": 7,
        "counts": tally().to_json(),
    }
    assert activity.run_json(RUNNING)["end"] is None
    assert activity.run_json(RUN, {})["mappings"] == {}
    assert activity.run_json(RUN, {"City": tally()})["mappings"] == {"City": tally().to_json()}


def test_a_run_says_which_rows_it_read() -> None:
    assert "  rows " not in activity.run_to_text(RUN, {})
    for extent, words in ((Extent.FULL, "all of the model"), (Extent.CURSOR, "those since the cursor")):
        run = replace(RUN, extent=extent)
        assert f"\n  rows        {words}" in activity.run_to_text(run, {})
        assert activity.run_json(run)["extent"] == extent.value
