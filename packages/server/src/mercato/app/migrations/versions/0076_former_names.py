"""Names and addresses that people had before."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_names",
        sa.Column(
            "user_id", sa.Text, sa.ForeignKey("users.id", name=op.f("fk_former_names_user_id_users")), primary_key=True
        ),
        sa.Column("email", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("former_names")
