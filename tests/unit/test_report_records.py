"""Rejected values, and the rows of the export."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.document import SYNC, DocumentId
from reconciler.model.outcome import ADVICE, Reason, Rejection, status_word
from reconciler.model.value import natural
from reconciler.report import records
from reconciler.report.text import Style

MAPPING = DocumentId("ProfileFieldMapping", "acme-profile")
FIRST = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LAST = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def rejection(
    key: str = "7", item: str = "City", reason: Reason = Reason.USER_MISSING, value: str | None = "Berlin"
) -> Rejection:
    return Rejection(key=key, label="Ada", item=item, value=value, reason=reason, detail="404 user")


@dataclass(frozen=True, kw_only=True)
class Record:
    document: DocumentId = MAPPING
    rejection: Rejection = field(default_factory=rejection)
    first_seen: datetime = FIRST
    last_seen: datetime = LAST
    attempts: int = 3


# -- rejected values ---------------------------------------------------------------------------------------------------


def test_the_whole_table_with_advice_for_each_reason_once() -> None:
    found = [Record(), Record(rejection=rejection("8")), Record(rejection=rejection("9", reason=Reason.REFUSED))]
    assert records.to_text(found, 3).split("\n") == [
        "Profile field  User  Name  Value   Reason        First seen            Attempts  Detail",
        "City           7     Ada   Berlin  user-missing  2026-11-20 08:00:00Z         3  404 user",
        "City           8     Ada   Berlin  user-missing  2026-11-20 08:00:00Z         3  404 user",
        "City           9     Ada   Berlin  refused       2026-11-20 08:00:00Z         3  404 user",
        "",
        f"refused: {ADVICE[Reason.REFUSED]}",
        f"user-missing: {ADVICE[Reason.USER_MISSING]}",
    ]


def test_no_rejected_values() -> None:
    assert records.to_text([], 0) == "No rejected values match."


TOPIC = Record(
    document=DocumentId("CommunityImport", "acme-community"),
    rejection=Rejection(
        key='["10001"]',
        label="Why?",
        item="Topic",
        value='{"Title":"Why?","Likes":3}',
        reason=Reason.RECORD_REFUSED,
        detail="GSOBJ_1009",
    ),
)
"""A whole record of an import."""


def test_records_of_an_import_are_told_by_key_and_name_and_not_by_all_that_is_in_them() -> None:
    assert records.to_text([TOPIC], 2, kind="CommunityImport").split("\n") == [
        "Object  Key    Name  Reason          First seen            Attempts  Detail",
        "Topic   10001  Why?  record-refused  2026-11-20 08:00:00Z         3  GSOBJ_1009",
        "",
        f"record-refused: {ADVICE[Reason.RECORD_REFUSED]}",
        "",
        "1 more record not shown: --limit, or --output csv for all of them",
    ]
    assert records.to_text([], 0, kind="CommunityImport") == "No rejected records match."
    (row,) = records.csv_rows([TOPIC])
    assert dict(zip(records.csv_head(TOPIC.document), row, strict=True)) == {
        "Object": "Topic",
        "Key": "10001",
        "Name": "Why?",
        "Reason": "record-refused",
        "Detail": "GSOBJ_1009",
        "First seen": "2026-11-20 08:00:00Z",
        "Last seen": "2026-11-22 12:00:00Z",
        "Attempts": "3",
        "Advice": ADVICE[Reason.RECORD_REFUSED],
    }
    found = records.to_json(TOPIC)
    assert (found["object"], found["key"], found["record"]) == ("Topic", ["10001"], {"Title": "Why?", "Likes": 3})
    without = records.to_json(Record(document=TOPIC.document, rejection=rejection("[]", value=None)))
    assert (without["record"], "value" in without) == (None, False)


def test_what_is_not_shown_is_counted() -> None:
    assert records.to_text([Record()], 2).endswith(
        "\n\n1 more value not shown: --limit, or --output csv for all of them"
    )
    assert "1,233 more values not shown" in records.to_text([Record()], 1234)


def test_a_long_value_is_cut_in_the_table_only() -> None:
    exact, long = "x" * records.VALUE_WIDTH, "y" * (records.VALUE_WIDTH + 1)
    found = [Record(rejection=rejection(value=value)) for value in (exact, long)]
    text = records.to_text(found, 2)
    assert exact in text
    assert "y" * (records.VALUE_WIDTH - 1) + "…" in text
    assert long not in text
    assert [row[3] for row in records.csv_rows(found)] == [exact, long]
    assert records.to_json(found[1])["value"] == long


def test_nothing_that_a_user_typed_moves_the_cursor() -> None:
    bad = Rejection(key="1\n", label="\x1b[2J", item="C\r", value="\u202e", reason=Reason.REFUSED, detail="d\x07")
    text = records.to_text([Record(rejection=bad)], 1, style=Style(enabled=True))
    assert len(text.split("\n")) == 4
    for shown in ("1\\n", "\\x1b[2J", "C\\r", "\\u202e", "d\\x07", "\x1b[33mrefused\x1b[0m"):
        assert shown in text


def test_a_value_that_is_not_known_is_empty() -> None:
    found = Record(rejection=rejection(value=None))
    assert next(records.csv_rows([found]))[3] == ""
    assert records.to_json(found)["value"] is None
    assert "None" not in records.to_text([found], 1)


def test_csv_has_everything() -> None:
    (row,) = records.csv_rows([Record()])
    assert dict(zip(records.csv_head(Record().document), row, strict=True)) == {
        "Profile Field": "City",
        "User": "7",
        "Name": "Ada",
        "Value": "Berlin",
        "Reason": "user-missing",
        "Detail": "404 user",
        "First seen": "2026-11-20 08:00:00Z",
        "Last seen": "2026-11-22 12:00:00Z",
        "Attempts": "3",
        "Advice": ADVICE[Reason.USER_MISSING],
    }


def test_the_key_of_a_record_stands_in_csv_as_in_the_export() -> None:
    """So that a spreadsheet finds the lines of one in the other. What has no text has no key, either."""
    sync = DocumentId(SYNC, "people")
    for key, shown in (('["a@b.example","Acme"]', "a@b.example · Acme"), ('["\ue001binary data"]', "")):
        found = Record(document=sync, rejection=rejection(key=key))
        row = dict(zip(records.csv_head(sync), next(records.csv_rows([found])), strict=True))
        assert row["Key"] == shown
        (exported,) = records.record_rows([(key, "Ada", "City", "Berlin", "Updated")])
        assert exported[0] == shown


def test_json_has_everything() -> None:
    assert records.to_json(Record()) == {
        "profileField": "City",
        "key": "7",
        "name": "Ada",
        "value": "Berlin",
        "reason": "user-missing",
        "status": "User_not_found",
        "detail": "404 user",
        "advice": ADVICE[Reason.USER_MISSING],
        "firstSeen": "2026-11-20 08:00:00Z",
        "lastSeen": "2026-11-22 12:00:00Z",
        "attempts": 3,
    }


# -- the export --------------------------------------------------------------------------------------------------------

Written = tuple[str, str, str, str]
keys = st.sampled_from(["1", "10", "2", "a", "ä"])
fields = st.sampled_from(["City", "Job Title", "Ä"])
written = st.lists(st.tuples(keys, st.just("Ada"), fields, st.text(max_size=3)), max_size=12)
refused = st.lists(
    st.builds(rejection, keys, fields, st.sampled_from(Reason), st.none() | st.text(max_size=3)), max_size=12
)


@given(written, refused)
def test_each_value_is_listed_once_as_it_stands_now(wrote: list[Written], refusals: list[Rejection]) -> None:
    wrote = sorted(wrote, key=lambda row: (natural(row[0]), row[2]))
    refusals = sorted(refusals, key=lambda r: (natural(r.key), r.item))
    rows = list(records.export_rows(wrote, refusals))

    places = [(key, item) for key, _, item, _, _ in rows]
    listed = {(row[0], row[2]) for row in wrote} | {(r.key, r.item) for r in refusals}
    assert places == sorted(listed, key=lambda place: (natural(place[0]), place[1]))
    for key, _, item, value, word in rows:
        here = [r for r in refusals if (r.key, r.item) == (key, item)]
        if here:
            assert (value, word) == (here[0].value or "", status_word(here[0].reason).value)
        else:
            assert word == "Updated"
            assert value in [row[3] for row in wrote if (row[0], row[2]) == (key, item)]


@given(written, refused, st.randoms())
def test_the_export_does_not_depend_on_the_order_of_runs(
    wrote: list[Written], refusals: list[Rejection], chance: random.Random
) -> None:
    def export() -> list[tuple[str, str, str]]:
        rows = records.export_rows(
            sorted(wrote, key=lambda row: (natural(row[0]), row[2])),
            sorted(refusals, key=lambda r: (natural(r.key), r.item)),
        )
        return [(key, item, word == "Updated") for key, _, item, _, word in rows]  # type: ignore[misc]

    before = export()
    chance.shuffle(wrote)
    chance.shuffle(refusals)
    assert export() == before


def test_a_rejected_value_hides_the_one_that_was_written_before() -> None:
    rows = records.export_rows(
        [("1", "Ada", "City", "Berlin"), ("7", "Ada", "City", "Bonn"), ("8", "Bob", "City", "Rome")],
        [rejection("7", value=None, reason=Reason.FIELD_MISSING), rejection("9", reason=Reason.REFUSED)],
    )
    assert list(rows) == [
        ("1", "Ada", "City", "Berlin", "Updated"),
        ("7", "Ada", "City", "", "Profile_field_not_exists"),
        ("8", "Bob", "City", "Rome", "Updated"),
        ("9", "Ada", "City", "Berlin", "Unexpected_error"),
    ]


def test_the_export_is_streamed() -> None:
    def endless() -> object:
        number = 0
        while True:
            number += 1
            yield (f"{number:09}", "Ada", "City", "Berlin")

    rows = records.export_rows(endless(), [rejection("000000002")])  # type: ignore[arg-type]
    assert [next(rows)[4] for _ in range(3)] == ["Updated", "User_not_found", "Updated"]
