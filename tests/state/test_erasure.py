"""What is known of a member beside the store is removed, and of nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from reconciler.model.community import Kind
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, PROFILE_FIELD_MAPPING, Document, DocumentId
from reconciler.model.json import canonical
from reconciler.model.outcome import Outcome, Reason, Rejection, Write, WriteResult
from reconciler.state import community, documents, erasure, journal, ledger, outcomes, runs
from reconciler.state.database import Database
from reconciler.state.session import Session
from tests.state.conftest import NOW
from tests.state.test_imports import ACME, MATCHED, record, store

IMPORT = DocumentId(COMMUNITY_IMPORT, ACME)
PROFILES = "profile:acme-community"
SECRET = "vanished-zqx"


def key(id: str) -> str:
    return json.dumps([id], ensure_ascii=False)


def writes_of(item: str, id: str, record: Mapping[str, object], before: Mapping[str, object] | None = None) -> Write:
    told = None if before is None else json.dumps(before, separators=(",", ":"))
    return Write(key=key(id), label=SECRET, item=item, before=told, value=json.dumps(record, separators=(",", ":")))


def acknowledge(session: Session, scope: str, write: Write) -> None:
    book = ledger.open_ledger(session, scope, [write.item])
    ledger.acknowledge(session, book, [WriteResult(write=write, outcome=Outcome.UPDATED)], 1, now=NOW)


def written(session: Session, scope: str, item: str) -> dict[str, object]:
    book = ledger.find(session, scope, [item])
    return {json.loads(key)[0]: json.loads(value) for key, _, _, value in ledger.export(session, book)}


def apply(session: Session, id: DocumentId, spec: Mapping[str, object]) -> None:
    document = Document(id=id, spec=dict(spec), labels={})  # type: ignore[arg-type]
    documents.save(session, document, serial=1, now=NOW)


@pytest.fixture
def known(database: Database) -> Database:
    """Member 7 of two communities, with two posts, everything in every table."""
    store(database, Kind.MEMBER, {"7": {"username": SECRET}, "8": {"username": "other"}})
    store(database, Kind.TOPIC, {"7": {"author_id": "8"}, "70": {"author_id": "7"}})
    store(database, Kind.REPLY, {"70": {"author_id": "8"}, "71": {"author_id": "7"}})
    record(database, "7", MATCHED, SECRET)
    record(database, "8", MATCHED, "other")
    return database


@contextmanager
def counting(session: Session) -> Iterator[list[str]]:
    """The statements that go to the database one by one."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(session.connection, "before_cursor_execute", note)
    yield sent
    event.remove(session.connection, "before_cursor_execute", note)


def test_many_posts_take_few_statements(database: Database) -> None:
    posts = {str(number): {"author_id": "7", "author_name": SECRET} for number in range(1_100)}
    store(database, Kind.MEMBER, {"7": {"username": SECRET}, "8": {"username": "other"}})
    store(database, Kind.TOPIC, {**posts, "9999": {"author_id": "8", "author_name": "other"}})
    scope = "import:acme-cs:Community Content"
    with database.begin() as session:
        book = ledger.open_ledger(session, scope, ["Content"])
        found = [
            WriteResult(
                write=writes_of("Content", f"{ACME}/topic/{id}", {"Author Name": SECRET}), outcome=Outcome.UPDATED
            )
            for id in posts
        ]
        ledger.acknowledge(session, book, found, 1, now=NOW)
        begun = community.begin(session, ACME, full_every=7, now=NOW)
        with counting(session) as sent:
            assert community.erase(session, begun, ["7"], forget=True, now=NOW) == 1
        assert len(sent) < 20
        rest = {id: canonical({"id": id}) for id in posts}
        assert community.replace(session, begun, Kind.TOPIC, {**rest, "9999": "{}", "none": "{}"}, now=NOW) == 1_101
        assert community.replace(session, begun, Kind.TOPIC, rest, now=NOW) == 0
        assert community.replace(session, begun, Kind.TOPIC, {}, now=NOW) == 0
    with database.read() as session:
        traces = erasure.find(session, ACME, ["7"])
    with database.begin() as session:
        with counting(session) as sent:
            erasure.erase(session, traces, PROFILES)
        assert len(sent) < 60
        assert set(map(str, written(session, scope, "Content").values())) == {"{'Author Name': ''}"}


def erase(database: Database) -> erasure.Traces:
    with database.read() as session:
        traces = erasure.find(session, ACME, ["7"])
    with database.begin() as session:
        erasure.erase(session, traces, PROFILES)
    return traces


def test_whose_records_they_are(known: Database) -> None:
    assert erase(known).keys == {
        "User": {key("7")},
        "Topic": {key("70")},
        "TopicReply": {key("71")},
        "Content": {key(f"{ACME}/topic/70"), key(f"{ACME}/reply/71")},
    }


def test_ledgers_of_every_target_and_every_name_of_the_tenant(known: Database) -> None:
    member = {"Community User Id": "7", "Email": SECRET, "Posts": 3}
    post = {"Content ID": "70", "Title": "T", "Author Name": SECRET}
    mine = ["import:acme-cs:Community acme-en User", "import:warehouse:Community acme-old User"]
    other = "import:acme-cs:Community acme-partners-en User"
    with known.begin() as session:
        for name, tenant in ((ACME, "acme-en"), ("acme-partners", "acme-partners-en")):
            apply(session, DocumentId(CONNECTION, name), {"type": "gainsight-cc", "tenant": tenant})
        apply(session, DocumentId(CONNECTION, "acme-cs"), {"type": "gainsight-cs"})
        for scope in (*mine, other):
            acknowledge(session, scope, writes_of("User", "7", member))
            acknowledge(session, scope, writes_of("User", "8", {**member, "Email": "other"}))
        acknowledge(session, "import:acme-cs:Community Content", writes_of("Content", f"{ACME}/topic/70", post))
        acknowledge(session, "import:acme-cs:Community Content", writes_of("Content", "acme-partners/topic/70", post))
    erase(known)
    with known.read() as session:
        for scope in mine:
            found = written(session, scope, "User")
            assert found == {"7": dict.fromkeys(member, ""), "8": {**member, "Email": "other"}}
        assert written(session, other, "User")["7"] == member
        content = written(session, "import:acme-cs:Community Content", "Content")
    assert content == {f"{ACME}/topic/70": {**post, "Author Name": ""}, "acme-partners/topic/70": post}


def test_profile_fields_and_who_it_was(known: Database) -> None:
    with known.begin() as session:
        for id in ("7", "8"):
            acknowledge(session, PROFILES, Write(key=id, label=SECRET, item="City", before=None, value=SECRET))
    erase(known)
    with known.read() as session:
        assert [row[0] for row in ledger.export(session, ledger.find(session, PROFILES, ["City"]))] == ["8"]
        assert list(session.execute_raw("SELECT id FROM community_matches").scalars()) == ["8"]


def test_what_was_rejected(known: Database) -> None:
    mapping = DocumentId(PROFILE_FIELD_MAPPING, "profiles")
    elsewhere = DocumentId(PROFILE_FIELD_MAPPING, "elsewhere")
    rejected = Rejection(key=key("7"), label=SECRET, item="User", value=SECRET, reason=Reason.REFUSED, detail="")
    with known.begin() as session:
        apply(session, mapping, {"from": "acme-cs", "to": ACME})
        apply(session, elsewhere, {"from": "acme-cs", "to": "acme-partners"})
        topics = [replace(rejected, item="Topic", key=key(id)) for id in ("7", "70")]
        outcomes.record(session, IMPORT, [rejected, *topics], 1, now=NOW)
        for document in (mapping, elsewhere):
            outcomes.record(session, document, [replace(rejected, key="7", item="City")], 1, now=NOW)
    erase(known)
    with known.read() as session:
        left = [(one.document.name, one.rejection.item, one.rejection.key) for one in outcomes.search(session)]
    assert left == [(ACME, "Topic", key("7")), ("elsewhere", "City", "7")]


def test_the_journal_keeps_that_something_was_written_and_not_what(known: Database) -> None:
    post = {"Author Name": SECRET, "Title": "T"}
    batch = [
        writes_of("User", "7", {"Email": SECRET}, {"Email": "b"}),
        writes_of("User", "8", {"Email": "other"}),
        writes_of("Topic", "7", {"Title": "of somebody else"}),
        writes_of("Topic", "70", post),
        writes_of("Topic", "99", {"Title": "no author any more"}, post),
    ]
    with known.begin() as session:
        run = runs.open_run(session, IMPORT, job="Community import", connection="acme-cs", now=NOW).id
        ids = [journal.open_batch(session, run, IMPORT, part, now=NOW) for part in (batch, batch[1:3])]
    traces = erase(known)
    assert traces.batches == ids[:1]
    with known.read() as session:
        first, second = journal.pending(session, IMPORT)
    gone = {("User", key("7")), ("Topic", key("70")), ("Topic", key("99"))}
    for before, after in zip(batch, first.writes, strict=True):
        if (before.item, before.key) in gone:
            assert (after.label, after.value, after.before) == ("", "", None if before.before is None else "")
        else:
            assert after == before
    assert list(second.writes) == batch[1:3]


def test_nothing_known_is_nothing_to_do(database: Database) -> None:
    traces = erase(database)
    assert traces.keys == {"User": {key("7")}} and not traces.batches
