"""consent to the letter: proof of a signal, ages of handles.

What covers data collected under a denial is said by the notice, and not by a signal.

Revision: 0002; follows: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PROOF = (
    ("form", sa.String(length=128)),
    ("method", sa.String(length=24)),
    ("guardian_check", sa.String(length=24)),
    ("device", sa.LargeBinary(length=64)),
    ("ground", sa.String(length=256)),
)


def upgrade() -> None:
    with op.batch_alter_table("consent_signal", schema=None) as batch_op:
        for name, type_ in PROOF:
            batch_op.add_column(sa.Column(name, type_, nullable=True))
        batch_op.drop_column("covers_past")
    op.create_table(
        "consent_age",
        sa.Column("handle", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("born_by", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("handle", "recorded_at", "born_by"),
    )


def downgrade() -> None:
    op.drop_table("consent_age")
    with op.batch_alter_table("consent_signal", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "covers_past", sa.Boolean(), nullable=False, server_default=sa.false()
            )
        )
        for name, _ in reversed(PROOF):
            batch_op.drop_column(name)
    with op.batch_alter_table("consent_signal", schema=None) as batch_op:
        batch_op.alter_column(
            "covers_past", existing_type=sa.Boolean(), server_default=None
        )
