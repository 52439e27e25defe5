"""Keys that are held to services and addresses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_NAMES = ("held_services", "held_addresses")


def upgrade() -> None:
    for name in _NAMES:
        op.add_column("keys", sa.Column(name, JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")))


def downgrade() -> None:
    for name in _NAMES:
        op.drop_column("keys", name)
