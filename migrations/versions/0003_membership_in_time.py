"""membership in time.

A place in a profile says from which instant on it was known, so that the profile of a
past instant can be read; what stood before this revision counts from the beginning. An
ordinal's key may also name a scope: a purpose with one of its recipients.

Revision: 0003; follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "from_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False
            )
        )
        batch_op.add_column(sa.Column("to_at", sa.BigInteger(), nullable=True))
    # The end of an old place is not known as an instant: it never held by any.
    op.execute("UPDATE member SET to_at = 0 WHERE to_seq IS NOT NULL")
    with op.batch_alter_table("policy_ordinal", schema=None) as batch_op:
        batch_op.alter_column(
            "key",
            existing_type=sa.String(length=64),
            type_=sa.String(length=129),
            existing_nullable=False,
        )


def downgrade() -> None:
    # An ordinal is never given twice, so the keys that do not fit are kept from being
    # cut: SQLite has no length, and PostgreSQL refuses.
    with op.batch_alter_table("policy_ordinal", schema=None) as batch_op:
        batch_op.alter_column(
            "key",
            existing_type=sa.String(length=129),
            type_=sa.String(length=64),
            existing_nullable=False,
        )
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_column("to_at")
        batch_op.drop_column("from_at")
