"""Private listings: who sees a service."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("visibility", sa.Text, nullable=False, server_default="public"))
    op.add_column("services", sa.Column("visible_to", JSONB, nullable=False, server_default="[]"))
    op.create_check_constraint(op.f("ck_services_visibility"), "services", "visibility in ('public', 'private')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_services_visibility"), "services")
    op.drop_column("services", "visible_to")
    op.drop_column("services", "visibility")
