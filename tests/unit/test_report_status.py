"""Statuses as a table and as JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from reconciler.model.outcome import Outcome, Reason
from reconciler.model.run import CUT_OFF, Run, RunResult, Tally
from reconciler.model.status import Badge, BadgeName, Status, StatusEntry
from reconciler.report.status import MANY, SYMBOLS, DocumentStatus, Waiting, to_json, to_text
from reconciler.report.text import Style

SINCE = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
RUN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def tally(updated: int, rejected: int = 0) -> Tally:
    found = Tally(read=updated + rejected + 1)
    found.add(Outcome.UPDATED, count=updated)
    found.add(Outcome.UNCHANGED)
    found.add(Outcome.REJECTED, Reason.USER_MISSING, rejected)
    return found


def entry(item: str, status: Status, reason: str = "", counts: Tally | None = None, *, ran: bool = True) -> StatusEntry:
    return StatusEntry(
        kind="ProfileFieldMapping",
        name="acme-profile",
        item=item,
        status=status,
        reason=reason,
        since=SINCE,
        run_id=12 if ran else None,
        last_run_at=RUN if ran else None,
        tally=counts or Tally(),
    )


def document(
    *mappings: StatusEntry, status: Status = Status.PARTIAL, reason: str = "1 × user-missing"
) -> DocumentStatus:
    whole = entry("", status, reason, Tally.total(m.tally for m in mappings))
    return DocumentStatus(whole=whole, mappings=mappings, schedule="every 4h", next_due=DUE)


GREEN = entry("Job Title", Status.SUCCESSFUL, counts=tally(1200))
YELLOW = entry("City", Status.PARTIAL, "1 × user-missing: gone", tally(3, rejected=1))
NEW = entry("Tier", Status.PENDING, "new: waits for its first cycle", ran=False)


def test_the_whole_table() -> None:
    assert to_text([document(GREEN, YELLOW, NEW)], named=False).split("\n") == [
        "Status                  Document / mapping  Since                 Last run              Next due"
        "               Read  Updated  Unchanged  Rejected",
        "◐ Partially Successful  acme-profile        2026-11-22 08:00:00Z  2026-11-22 12:00:00Z  2026-11-22 16:00:00Z"
        "  1,206    1,203          2         1",
        "● Successful              Job Title         2026-11-22 08:00:00Z  2026-11-22 12:00:00Z                      "
        "  1,201    1,200          1         0",
        "◐ Partially Successful    City              2026-11-22 08:00:00Z  2026-11-22 12:00:00Z                      "
        "      5        3          1         1",
        "○ Pending                 Tier              2026-11-22 08:00:00Z  -                                         "
        "      0        0          0         0",
        "",
        "◐ acme-profile / City: 1 × user-missing: gone",
        "○ acme-profile / Tier: new: waits for its first cycle",
    ]


def test_every_status_can_be_told_without_colours() -> None:
    assert set(SYMBOLS) == set(Status)
    assert len(set(SYMBOLS.values())) == len(Status)


def test_nothing_but_green_needs_no_reasons() -> None:
    text = to_text([document(GREEN, status=Status.SUCCESSFUL, reason="")], named=False)
    assert len(text.split("\n")) == 3


def test_before_the_first_apply() -> None:
    assert to_text([], named=False) == "No mapping is applied. Run `reconcile plan`, then `reconcile apply`."


def many(count: int) -> DocumentStatus:
    return document(*[entry(f"Field {n:03}", Status.FAILED, "no answer") for n in range(count)], reason="all of them")


def test_many_mappings_are_left_out_and_the_text_says_so() -> None:
    text = to_text([many(MANY), many(1)], named=False)
    assert "Field" not in text
    assert "◐ acme-profile: all of them" in text
    assert text.endswith("Mappings are left out: there are many. `reconcile status NAME` shows those of one document.")


def test_many_mappings_are_shown_when_the_document_is_named_and_few_always() -> None:
    for text in (to_text([many(MANY + 1)], named=True), to_text([many(MANY)], named=False)):
        assert text.count("\n✗ Failed                  Field ") >= MANY
        assert "left out" not in text


def test_a_reason_that_all_have_is_said_once() -> None:
    for reasons in (["no answer"] * 8, ["no answer"] * 7 + ["no right"]):
        failed = document(*[entry(f"F{n}", Status.FAILED, reason) for n, reason in enumerate(reasons)])
        said = [line for line in to_text([failed], named=False).split("\n") if line.startswith("✗ acme")]
        assert len(said) == (1 if len(set(reasons)) == 1 else 8)
    assert to_text([many(8)], named=False).split("\n")[-1] == "✗ acme-profile: no answer"
    partial = document(*[entry(f"F{n}", Status.PARTIAL, "1 × user-missing") for n in range(3)])
    assert to_text([partial], named=False).count("1 × user-missing") == 3


def test_what_is_below_the_documents_is_called_by_its_name() -> None:
    of_import = replace(document(GREEN), whole=replace(document().whole, kind="CommunityImport"))
    named = {
        "Document / object": [of_import],
        "Document / mapping, object": [document(GREEN), of_import],
        "Document / mapping  ": [document(GREEN), replace(of_import, mappings=())],
    }
    for words, documents in named.items():
        assert words in to_text(documents, named=False).partition("\n")[0]


def test_colours_and_names_that_would_move_the_cursor() -> None:
    bad = entry("Ci\x1bty\n", Status.FAILED, "no\nanswer")
    text = to_text([document(bad)], named=False, style=Style(enabled=True))
    assert "\x1b[31m✗ Failed\x1b[0m" in text
    assert "Ci\\x1bty\\n: no\\nanswer" in text


def test_json_carries_everything() -> None:
    data = to_json([document(YELLOW, NEW)])
    assert data == {
        "formatVersion": 1,
        "warnings": [],
        "config": {"conditions": []},
        "documents": [
            {
                "kind": "ProfileFieldMapping",
                "name": "acme-profile",
                "schedule": "every 4h",
                "nextDue": "2026-11-22T16:00:00Z",
                "extent": None,
                "unfinishedRun": None,
                "badges": [],
                "status": "Partially Successful",
                "colour": "yellow",
                "reason": "1 × user-missing",
                "since": "2026-11-22T08:00:00Z",
                "lastRun": 12,
                "lastRunAt": "2026-11-22T12:00:00Z",
                "counts": tally(3, rejected=1).to_json(),
                "mappings": [
                    {
                        "profileField": "City",
                        "status": "Partially Successful",
                        "colour": "yellow",
                        "reason": "1 × user-missing: gone",
                        "since": "2026-11-22T08:00:00Z",
                        "lastRun": 12,
                        "lastRunAt": "2026-11-22T12:00:00Z",
                        "counts": tally(3, rejected=1).to_json(),
                    },
                    {
                        "profileField": "Tier",
                        "status": "Pending",
                        "colour": "gray",
                        "reason": "new: waits for its first cycle",
                        "since": "2026-11-22T08:00:00Z",
                        "lastRun": None,
                        "lastRunAt": None,
                        "counts": Tally().to_json(),
                    },
                ],
            }
        ],
    }


def run(result: RunResult, reason: str = "") -> Run:
    return Run(
        id=13, kind="ProfileFieldMapping", document="acme-profile", job="", connection="", started_at=RUN, ended_at=None,
        result=result, tally=Tally(), calls=0, reason=reason,
    )  # fmt: skip


def test_a_run_under_way_and_one_that_was_cut_off() -> None:
    running = replace(document(GREEN, status=Status.SUCCESSFUL, reason=""), unfinished=run(RunResult.RUNNING))
    assert to_text([running], named=True).endswith("\n\nacme-profile: run 13 is running since 2026-11-22 12:00:00Z")
    cut_off = replace(running, unfinished=run(RunResult.INTERRUPTED, CUT_OFF))
    assert to_text([cut_off], named=True).endswith("\n\nacme-profile: run 13 was cut off; the next cycle resumes it")
    assert to_json([cut_off])["documents"][0]["unfinishedRun"] == {  # type: ignore[index,call-overload]
        "id": 13,
        "result": "Interrupted",
        "start": "2026-11-22T12:00:00Z",
        "reason": "cut off; the next cycle resumes it",
    }


def test_doubts_about_the_database_are_part_of_the_json() -> None:
    assert to_json([], warnings=["the database is empty"])["warnings"] == ["the database is empty"]


def test_what_waits_for_somebody_comes_first_and_badges_after_the_table() -> None:
    waiting = Waiting(condition="needs-approval", reason="a plan waits", hint="reconcile approve 12ab", since=SINCE)
    shown = replace(document(YELLOW), badges=(Badge(name=BadgeName.SUSPENDED, text="by ann"),))
    text = to_text([shown], named=False, waiting=[waiting])
    assert text.startswith("! needs-approval since 2026-11-22")
    assert "\n  reconcile approve 12ab\n" in text
    assert "\nacme-profile: suspended by ann\n" in text
    data = to_json([shown], waiting=[waiting])
    assert data["config"]["conditions"][0]["hint"] == "reconcile approve 12ab"  # type: ignore[index,call-overload]
    assert data["documents"][0]["badges"] == [{"name": "suspended", "text": "by ann"}]  # type: ignore[index,call-overload]
