"""Which model each listing's vector was made by."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("listing_documents", sa.Column("embedder", sa.Text, nullable=False, server_default=""))
    op.alter_column("listing_documents", "embedder", server_default=None)


def downgrade() -> None:
    op.drop_column("listing_documents", "embedder")
