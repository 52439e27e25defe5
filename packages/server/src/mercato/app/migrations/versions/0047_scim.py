"""People and groups that organisations' identity providers keep (SCIM 2.0)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _organisation(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False, primary_key=primary_key
    )


def upgrade() -> None:
    op.create_table(
        "scim_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        _organisation(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "secret_digest", "created_by")),
        sa.Column("created_at", _TIME, nullable=False),
        *(sa.Column(name, _TIME) for name in ("expires_at", "revoked_at", "used_at")),
    )
    op.create_index("ix_scim_tokens_organisation_id", "scim_tokens", ["organisation_id"])
    op.create_table(
        "scim_settings",
        _organisation(primary_key=True),
        sa.Column("role_of_group", JSONB, nullable=False),
        sa.Column("default_role", sa.Text, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("default_role in ('admin', 'approver', 'viewer')", name="default_role"),
    )
    op.create_table(
        "scim_people",
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), primary_key=True),
        _organisation(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("user_name", "name_key")),
        *(
            sa.Column(name, sa.Text)
            for name in ("external_id", "display_name", "formatted_name", "given_name", "family_name")
        ),
        sa.Column("emails", JSONB, nullable=False),
        sa.Column("is_led", sa.Boolean, nullable=False),
        *(sa.Column(name, _TIME, nullable=False) for name in ("created_at", "changed_at")),
        *(sa.Column(name, _TIME) for name in ("disabled_at", "removed_at")),
    )
    op.create_index("ix_scim_people_organisation_id_external_id", "scim_people", ["organisation_id", "external_id"])
    op.create_index(
        "uq_scim_people_name_key", "scim_people", ["organisation_id", "name_key"], unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "scim_groups",
        sa.Column("id", sa.Text, primary_key=True),
        _organisation(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("display_name", "name_key")),
        sa.Column("external_id", sa.Text),
        *(sa.Column(name, _TIME, nullable=False) for name in ("created_at", "changed_at")),
    )
    op.create_index("uq_scim_groups_name_key", "scim_groups", ["organisation_id", "name_key"], unique=True)
    op.create_table(
        "scim_members",
        sa.Column("group_id", sa.Text, sa.ForeignKey("scim_groups.id"), primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), primary_key=True),
    )
    op.create_index("ix_scim_members_user_id", "scim_members", ["user_id"])


def downgrade() -> None:
    for name in ("scim_members", "scim_groups", "scim_people", "scim_settings", "scim_tokens"):
        op.drop_table(name)
