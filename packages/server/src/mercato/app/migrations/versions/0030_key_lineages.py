"""Keys know the first key of their chain of rotations; limits of a key, and what was used of them, count for the chain.

Until now a rotation left the limits with the old key. A chain's limits are now those of its newest key that has any of
the kind, and what the whole chain has used or was lent counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_SET_LINEAGES = (
    "WITH RECURSIVE chain (first, id, rotated_to) AS ("
    " SELECT id, id, rotated_to FROM keys WHERE id NOT IN (SELECT rotated_to FROM keys WHERE rotated_to IS NOT NULL)"
    " UNION ALL SELECT first, keys.id, keys.rotated_to FROM chain JOIN keys ON keys.id = chain.rotated_to)"
    " UPDATE keys SET lineage_id = chain.first FROM chain WHERE chain.id = keys.id"
)
_OF_LINEAGE = "'key:' || keys.lineage_id || substr(scope, length('key:' || keys.id) + 1)"
_OF_LATER_KEYS = "keys.id = split_part(scope, ':', 2) AND keys.lineage_id <> keys.id AND scope LIKE 'key:%'"
_MERGE_COUNTERS = (
    "INSERT INTO counters (scope, window_start, used, leased)"  # noqa: S608  (names of our own columns)
    f" SELECT {_OF_LINEAGE}, window_start, sum(used), sum(leased)"
    f" FROM counters JOIN keys ON {_OF_LATER_KEYS} WHERE level_micro IS NULL GROUP BY 1, 2"
    " ON CONFLICT (scope, window_start) DO UPDATE"
    " SET used = counters.used + excluded.used, leased = counters.leased + excluded.leased"
)
_DROP_COUNTERS = f"DELETE FROM counters USING keys WHERE {_OF_LATER_KEYS}"  # noqa: S608
_MOVE_LEASES = f"UPDATE leases SET scope = {_OF_LINEAGE} FROM keys WHERE {_OF_LATER_KEYS}"  # noqa: S608
# Ids of keys rise with time, so the greatest is the newest.
_DROP_OLDER_BUDGETS = (
    "DELETE FROM budgets AS older USING keys AS older_key, budgets AS newer, keys AS newer_key"
    " WHERE older_key.id = older.key_id AND newer_key.id = newer.key_id"
    " AND older_key.lineage_id = newer_key.lineage_id AND newer.unit = older.unit"
    ' AND newer."window" = older."window" AND newer.key_id > older.key_id'
)
_MOVE_BUDGETS = (
    "UPDATE budgets SET key_id = keys.lineage_id, scope = 'key:' || keys.lineage_id || ':' || unit || ':' || \"window\""
    " FROM keys WHERE keys.id = budgets.key_id AND keys.lineage_id <> keys.id"
)


def upgrade() -> None:
    op.add_column("keys", sa.Column("lineage_id", sa.Text, nullable=True))
    op.execute(_SET_LINEAGES)
    op.alter_column("keys", "lineage_id", nullable=False)
    op.create_index(
        "uq_keys_lineage_id_newest", "keys", ["lineage_id"], unique=True, postgresql_where=sa.text("rotated_to IS NULL")
    )
    for statement in (_MERGE_COUNTERS, _DROP_COUNTERS, _MOVE_LEASES, _DROP_OLDER_BUDGETS, _MOVE_BUDGETS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("uq_keys_lineage_id_newest", table_name="keys")
    op.drop_column("keys", "lineage_id")
