"""What was read of communities, how far the reading came, and what is derived of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "community_records",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("kind", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("parent", KEY),
        sa.Column("author", KEY),
        sa.Column("listed", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("due", sa.Integer, nullable=False),
        sa.Column("read_at", sa.Text),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.Column("changed_in", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("community_records_due", "community_records", ["connection", "kind", "due", "read_at"])
    for name in ("parent", "author"):
        some = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"community_records_by_{name}",
            "community_records",
            ["connection", name],
            sqlite_where=some,
            postgresql_where=some,
        )
    op.create_table(
        "community_passes",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Text),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("full_since", sa.Text),
        sa.Column("full_at", sa.Text),
        sa.Column("full_wanted", sa.Integer, nullable=False),
        sa.Column("loss_accepted", sa.Integer, nullable=False),
        sa.Column("counted_at", sa.Text),
    )
    _derived()


def _derived() -> None:
    op.create_table(
        "community_matches",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text),
        sa.Column("company_id", sa.Text),
        sa.Column("company_person_id", sa.Text),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
    )
    op.create_table(
        "community_totals",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("views", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "community_views",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("day", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("views", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "community_days",
        sa.Column("connection", KEY, primary_key=True),
        sa.Column("day", KEY, primary_key=True),
        sa.Column("members", sa.BigInteger),
        sa.Column("active", sa.BigInteger),
        sa.Column("views", sa.BigInteger, nullable=False),
    )
