"""Mail about saved searches: who gets it, and in which letter a fit was told."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("saved_searches", sa.Column("mail_to", sa.Text))
    op.add_column("saved_search_fits", sa.Column("letter_id", sa.Text))
    op.create_index(
        "ix_saved_search_fits_letter_id", "saved_search_fits", ["letter_id"],
        postgresql_where=sa.text("letter_id IS NOT NULL"),
    )  # fmt: skip
    op.drop_constraint(op.f("ck_letters_kind"), "letters")
    op.create_check_constraint(
        op.f("ck_letters_kind"), "letters", "kind in ('invitation', 'password_reset', 'saved_search')"
    )
    op.create_index("ix_letters_subject_id", "letters", ["subject_id"])


def downgrade() -> None:
    op.drop_index("ix_letters_subject_id", "letters")
    op.execute("delete from letters where kind = 'saved_search'")
    op.drop_constraint(op.f("ck_letters_kind"), "letters")
    op.create_check_constraint(op.f("ck_letters_kind"), "letters", "kind in ('invitation', 'password_reset')")
    op.drop_column("saved_search_fits", "letter_id")
    op.drop_column("saved_searches", "mail_to")
