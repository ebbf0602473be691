"""The tables of the state database, equal on SQLite and PostgreSQL.

Times are text in UTC with microseconds and a fixed width, so they sort and read the same everywhere. Text that is a key
sorts by code point on both (`COLLATE "C"` on PostgreSQL). Ledger tables are not listed here: `ledger` makes them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A moment in UTC as text: `2026-11-22T13:41:57.000000Z`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def to_text(moment: datetime) -> str:
    """The one spelling of a moment in the database and in the state file."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


KEY = Text().with_variant(Text(collation="C"), "postgresql")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""A row number: SQLite only numbers columns that are declared INTEGER."""

metadata = MetaData()
"""Conditions of partial indexes are given for SQLite alone: naming one for PostgreSQL loads its whole dialect with every command,
and PostgreSQL has its tables from the migrations."""

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="meta_one_row"), primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("desired_digest", Text),
    Column("commit_id", Text),
    Column("created_at", Moment, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("applied_at", Moment, nullable=False),
    Column("applied_serial", BigInteger, nullable=False),
    Column("forgotten_at", Moment),
    Column("commit_id", Text),
)

catalogs = Table(
    "catalogs",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("saved_at", Moment, nullable=False),
)

statuses = Table(
    "statuses",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("item", KEY, primary_key=True),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("run_id", BigInteger),
    Column("last_run_at", Moment),
    Column("tally", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("kind", KEY, nullable=False),
    Column("document", KEY, nullable=False),
    Column("job", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("progress_at", Moment),
    Column("result", Text, nullable=False),
    Column("tally", Text, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("haystack", Text, nullable=False),
    Column("commit_id", Text),
    Column("trigger", Text, nullable=False, server_default="manual"),
    Column("slot", Moment),
    Column("extent", Text),
    Index("runs_by_document", "kind", "document", "id"),
    sqlite_autoincrement=True,
)

run_items = Table(
    "run_items",
    metadata,
    Column("run_id", BigInteger, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("item", KEY, primary_key=True),
    Column("tally", Text, nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("item", KEY, primary_key=True),
    Column("key", KEY, primary_key=True),
    Column("label", Text, nullable=False),
    Column("value", Text),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("haystack", Text, nullable=False),
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("scope", KEY, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

ledger_fields = Table(
    "ledger_fields",
    metadata,
    Column("ledger_id", BigInteger, ForeignKey("ledgers.id"), primary_key=True),
    Column("item", KEY, primary_key=True),
    Column("column_name", Text, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("kind", KEY, nullable=False),
    Column("name", KEY, nullable=False),
    Column("writes", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    sqlite_autoincrement=True,
)
_pending = batches.c.closed_at.is_(None)
Index(
    "batches_pending",
    batches.c.kind,
    batches.c.name,
    batches.c.id,
    sqlite_where=_pending,
)

leases = Table(
    "leases",
    metadata,
    Column("name", KEY, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("acquired_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("per_minute", BigInteger),
    Column("per_day", BigInteger),
    Column("minute", BigInteger, nullable=False),
    Column("minute_used", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("day_used", BigInteger, nullable=False),
    Column("blocked_until", Double, nullable=False),
)

schedules = Table(
    "schedules",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("since", Moment, nullable=False),
    Column("last_slot", Moment),
    Column("due_at", Moment),
    Column("failures", BigInteger, nullable=False),
    Column("retry_at", Moment),
    Column("suspended_at", Moment),
    Column("suspended_by", Text),
    Index("schedules_due", "due_at"),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("basis", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("cycles", BigInteger, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("kind", KEY, primary_key=True),
    Column("name", KEY, primary_key=True),
    Column("slot", Moment, primary_key=True),
    Column("run_id", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("completed_at", Moment),
)

requests = Table(
    "requests",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("kind", KEY, nullable=False),
    Column("name", KEY, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("run_id", BigInteger),
    Column("closed_at", Moment),
    sqlite_autoincrement=True,
)
_open = requests.c.closed_at.is_(None)
Index("requests_open", requests.c.kind, requests.c.name, sqlite_where=_open)

replicas = Table(
    "replicas",
    metadata,
    Column("holder", KEY, primary_key=True),
    Column("machine", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

applies = Table(
    "applies",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("serial", BigInteger, nullable=False),
    Column("commit_id", Text),
    Column("digest", Text, nullable=False),
    Column("applied_at", Moment, nullable=False),
    Column("applied_by", Text, nullable=False),
    Index("applies_by_commit", "commit_id"),
    sqlite_autoincrement=True,
)

approvals = Table(
    "approvals",
    metadata,
    Column("subject", KEY, primary_key=True),
    Column("approved_at", Moment, nullable=False),
    Column("approved_by", Text, nullable=False),
)

conditions = Table(
    "conditions",
    metadata,
    Column("subject", KEY, primary_key=True),
    Column("condition", KEY, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("since", Moment, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("channel", KEY, nullable=False),
    Column("key", KEY, nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("try_at", Moment),
    Column("sent_at", Moment),
    Index("notices_waiting", "try_at"),
    sqlite_autoincrement=True,
)

community_records = Table(
    "community_records",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("kind", KEY, primary_key=True),
    Column("id", KEY, primary_key=True),
    Column("parent", KEY),
    Column("author", KEY),
    Column("listed", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("due", Integer, nullable=False),
    Column("read_at", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("changed_in", BigInteger, nullable=False),
    Column("deleted_at", Moment),
    # Last, so that SQLite need not go through long texts to what comes after them.
    Column("content", Text, nullable=False),
    Index("community_records_due", "connection", "kind", "due", "read_at"),
)
_reply = community_records.c.parent.is_not(None)
Index(
    "community_records_by_parent",
    community_records.c.connection,
    community_records.c.parent,
    sqlite_where=_reply,
)
_post = community_records.c.author.is_not(None)
Index(
    "community_records_by_author",
    community_records.c.connection,
    community_records.c.author,
    sqlite_where=_post,
)

community_passes = Table(
    "community_passes",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("since", Moment),
    Column("runs", BigInteger, nullable=False),
    Column("full_since", Moment),
    Column("full_at", Moment),
    Column("full_wanted", Integer, nullable=False),
    Column("loss_accepted", Integer, nullable=False),
    Column("counted_at", Moment),
)

community_matches = Table(
    "community_matches",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("id", KEY, primary_key=True),
    Column("label", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("person_id", Text),
    Column("company_id", Text),
    Column("company_person_id", Text),
    Column("rule", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", Moment, nullable=False),
)

community_totals = Table(
    "community_totals",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("id", KEY, primary_key=True),
    Column("views", BigInteger, nullable=False),
)

community_views = Table(
    "community_views",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("day", KEY, primary_key=True),
    Column("id", KEY, primary_key=True),
    Column("views", BigInteger, nullable=False),
)

community_days = Table(
    "community_days",
    metadata,
    Column("connection", KEY, primary_key=True),
    Column("day", KEY, primary_key=True),
    Column("members", BigInteger),
    Column("active", BigInteger),
    Column("views", BigInteger, nullable=False),
)
