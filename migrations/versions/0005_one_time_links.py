"""one time links.

Revision: 0005; follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_link",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("session_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("session_ends_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("session_digest"),
    )


def downgrade() -> None:
    op.drop_table("auth_link")
