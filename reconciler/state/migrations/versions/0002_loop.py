"""What the loop needs: schedules and slots, requests, replicas, what waits for somebody, and messages to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("documents", sa.Column("commit_id", sa.Text))
    op.add_column("runs", sa.Column("commit_id", sa.Text))
    op.add_column("runs", sa.Column("trigger", sa.Text, nullable=False, server_default="manual"))
    op.add_column("runs", sa.Column("slot", sa.Text))
    _when()
    _who()
    _what_waits()


def _when() -> None:
    op.create_table(
        "schedules",
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("last_slot", sa.Text),
        sa.Column("due_at", sa.Text),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.Text),
        sa.Column("suspended_at", sa.Text),
        sa.Column("suspended_by", sa.Text),
    )
    op.create_index("schedules_due", "schedules", ["due_at"])
    op.create_table(
        "slots",
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("slot", sa.Text, primary_key=True),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.Text),
    )
    op.create_table(
        "requests",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("requested_at", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("run_id", sa.BigInteger),
        sa.Column("closed_at", sa.Text),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("closed_at IS NULL")
    op.create_index("requests_open", "requests", ["kind", "name"], sqlite_where=waiting, postgresql_where=waiting)


def _who() -> None:
    op.create_table(
        "replicas",
        sa.Column("holder", KEY, primary_key=True),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_table(
        "applies",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("commit_id", sa.Text),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("applied_at", sa.Text, nullable=False),
        sa.Column("applied_by", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("applies_by_commit", "applies", ["commit_id"])
    op.create_table(
        "approvals",
        sa.Column("subject", KEY, primary_key=True),
        sa.Column("approved_at", sa.Text, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
    )


def _what_waits() -> None:
    op.create_table(
        "conditions",
        sa.Column("subject", KEY, primary_key=True),
        sa.Column("condition", KEY, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("channel", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("try_at", sa.Text),
        sa.Column("sent_at", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_waiting", "notices", ["try_at"])
