"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _what_was_applied()
    _what_happened()
    _values()
    _coordination()


def _what_was_applied() -> None:
    op.create_table(
        "meta",
        sa.Column(
            "id", sa.Integer, sa.CheckConstraint("id = 1", name="meta_one_row"), primary_key=True, autoincrement=False
        ),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("desired_digest", sa.Text),
        sa.Column("commit_id", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("applied_at", sa.Text, nullable=False),
        sa.Column("applied_serial", sa.BigInteger, nullable=False),
        sa.Column("forgotten_at", sa.Text),
    )
    op.create_table(
        "catalogs",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("saved_at", sa.Text, nullable=False),
    )


def _what_happened() -> None:
    op.create_table(
        "statuses",
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("item", KEY, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("run_id", sa.BigInteger),
        sa.Column("last_run_at", sa.Text),
        sa.Column("tally", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("document", KEY, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Text),
        sa.Column("progress_at", sa.Text),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("haystack", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_by_document", "runs", ["kind", "document", "id"])
    op.create_table(
        "run_items",
        sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("item", KEY, primary_key=True),
        sa.Column("tally", sa.Text, nullable=False),
    )


def _values() -> None:
    op.create_table(
        "outcomes",
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("item", KEY, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Text, nullable=False),
        sa.Column("last_seen", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("haystack", sa.Text, nullable=False),
    )
    op.create_table(
        "ledgers",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("scope", KEY, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "ledger_fields",
        sa.Column("ledger_id", sa.BigInteger, sa.ForeignKey("ledgers.id"), primary_key=True),
        sa.Column("item", KEY, primary_key=True),
        sa.Column("column_name", sa.Text, nullable=False),
    )


def _coordination() -> None:
    op.create_table(
        "batches",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("writes", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("closed_at", sa.Text),
        sqlite_autoincrement=True,
    )
    pending = sa.text("closed_at IS NULL")
    op.create_index(
        "batches_pending", "batches", ["kind", "name", "id"], sqlite_where=pending, postgresql_where=pending
    )
    op.create_table(
        "leases",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("acquired_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "budgets",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("per_minute", sa.BigInteger),
        sa.Column("per_day", sa.BigInteger),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("minute_used", sa.BigInteger, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("day_used", sa.BigInteger, nullable=False),
        sa.Column("blocked_until", sa.Double, nullable=False),
    )
