"""A migration only expands: the release before it runs beside the new one on the new schema, and may be gone back to.

What the release before reads or writes stays: no table, column or constraint goes or is renamed, and no column is new
that its rows lack. Dropping is a second step (contract), in a later release whose predecessor no longer knows the
thing; such a step is listed here with the reason why nothing that may still run needs it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mercato.app.revision import MIGRATIONS

FILES = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
_GOES = ("drop_table", "drop_column", "rename_table", "drop_constraint", "drop_index")
_WORDS = re.compile(r"\b(drop|rename)\b|set not null|^\W*truncate", re.IGNORECASE)

CONTRACTS = {
    "0014": {"drop_index ix_service_health_failed": "an index: slower for a while, never wrong"},
    "0024": {"drop_constraint": "checks that come back wider, in a loop"},
    "0030": {"alter_column keys.lineage_id nullable=False": "before the first release; no process of then is left"},
    "0043": {
        "drop_index": "an index: slower for a while, never wrong",
        "execute TRUNCATE usage_days": "sums that are computed again from the calls",
    },
    "0044": {
        "execute DROP TRIGGER adjustments_stay ON adjustments": "a trigger that is made again, with one exception"
    },
    "0052": {"alter_column listing_documents.embedder server_default=None": "before the first release"},
    "0061": {"alter_column approvals.digest nullable=False": "before the first release; no process of then is left"},
}
"""By revision, what its migration takes away, and why that breaks no release that may run beside it."""


def takes_away(source: str) -> list[str]:
    """What a migration does on its way up that the release before may stumble over."""
    module = ast.parse(source)
    made = {_word(call, 0) for call in _calls(module) if _name(call) == "create_table"}
    return [words for call in _calls(module) if (words := _judge(call, made))]


def _calls(module: ast.Module) -> Iterator[ast.Call]:
    for part in module.body:
        if isinstance(part, ast.FunctionDef) and part.name != "downgrade":
            yield from (node for node in ast.walk(part) if isinstance(node, ast.Call))


def _judge(call: ast.Call, made: set[str]) -> str:
    name, table = _name(call), _word(call, 0)
    if name == "drop_constraint" and table.startswith("ck_"):
        return ""  # a check that goes, or comes back wider, forbids nothing that was allowed
    if name in _GOES:
        target = "" if name != "drop_column" else f".{_word(call, 1)}"
        return f"{name} {table}{target}".strip()
    if name == "alter_column" and table not in made:
        for change in call.keywords:
            if (change.arg, ast.unparse(change.value)) != ("nullable", "True") and change.arg not in _HARMLESS:
                return f"alter_column {table}.{_word(call, 1)} {change.arg}={ast.unparse(change.value)}"
    if name == "add_column" and table not in made and _lacks_value(call.args[1]):
        return f"add_column {table} {ast.unparse(call.args[1])}"
    if name == "execute" and call.args and _WORDS.search(ast.unparse(call.args[0])):
        return f"execute {_word(call, 0) or ast.unparse(call.args[0])}"
    return ""


_HARMLESS = ("existing_type", "existing_nullable", "existing_server_default", "comment")


def _lacks_value(column: ast.expr) -> bool:
    """A row of the release before cannot be written: the column wants a value, and has none of its own."""
    assert isinstance(column, ast.Call), ast.unparse(column)
    given = {each.arg: ast.unparse(each.value) for each in column.keywords}
    return given.get("nullable") == "False" and "server_default" not in given


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _word(call: ast.Call, number: int) -> str:
    if len(call.args) <= number:
        return ""
    value = call.args[number]
    if isinstance(value, ast.Call) and _name(value) == "f":
        value = value.args[0]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_migration_takes_nothing_away_that_is_not_listed(file: Path) -> None:
    listed = CONTRACTS.get(file.stem.partition("_")[0], {})
    found = takes_away(file.read_text())
    assert found == [each for each in found if each in listed], (
        "the release before still needs it: expand now and drop it a release later (see this file's docstring)"
    )
    assert set(listed) == set(found), "listed, and no longer there"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('op.drop_table("services")', "drop_table services"),
        ('op.drop_column("services", "title")', "drop_column services.title"),
        ('op.rename_table("services", "offers")', "rename_table services"),
        ('op.alter_column("plans", "title", new_column_name="n")', "alter_column plans.title new_column_name='n'"),
        ('op.alter_column("services", "title", nullable=False)', "alter_column services.title nullable=False"),
        ('op.alter_column("services", "title", type_=sa.Text)', "alter_column services.title type_=sa.Text"),
        (
            'op.add_column("services", sa.Column("note", sa.Text, nullable=False))',
            "add_column services sa.Column('note', sa.Text, nullable=False)",
        ),
        ('op.execute("ALTER TABLE services DROP COLUMN title")', "execute ALTER TABLE services DROP COLUMN title"),
        ('op.execute("alter table services rename to offers")', "execute alter table services rename to offers"),
        ('op.drop_constraint(op.f("uq_services_name"), "services")', "drop_constraint uq_services_name"),
        ('op.drop_constraint(op.f("ck_services_status"), "services")', ""),
        ('op.alter_column("services", "title", nullable=True)', ""),
        ('op.add_column("services", sa.Column("note", sa.Text, nullable=False, server_default=""))', ""),
        ('op.add_column("services", sa.Column("note", sa.Text))', ""),
        ('op.create_table("offers")\n    op.add_column("offers", sa.Column("n", sa.Text, nullable=False))', ""),
    ],
)  # fmt: skip
def test_the_rule_finds_each_way_to_take_something_away(line: str, found: str) -> None:
    source = f"def upgrade():\n    {line}\n\n\ndef downgrade():\n    op.drop_table('anything')\n"
    assert takes_away(source) == ([found] if found else [])
