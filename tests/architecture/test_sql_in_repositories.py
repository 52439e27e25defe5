"""SQL stands in `repository.py` and `*_rows.py`, and nowhere else. Adapters are engines: theirs is how they work."""

import ast

from tests.architecture.reading import Module, imports, modules

_MECHANISM = {
    "app/doctor.py": "asks whether PostgreSQL answers and notifies",
    "app/revision.py": "reads which migration was the last",
    "app/schema.py": "migrates",
    "app/sessions.py": "asks whether an address keeps sessions",
    "platform/bell.py": "notifies PostgreSQL's listeners",
    "platform/commits.py": "watches what the server says of a commit",
    "platform/chain.py": "appends to and seals the tables that a room names",
    "platform/data_map.py": "describes columns, and asks nothing",
    "platform/database.py": "the engine itself",
    "platform/feed.py": "listens to PostgreSQL",
    "platform/holders.py": "the table of who holds a name is its own",
    "platform/leading.py": "holds a lock of PostgreSQL",
    "platform/lines.py": "writes any query as lines of a file",
    "platform/merkle_tree.py": "keeps subtrees of a chain in the table that a room names",
    "platform/outbox.py": "the table of news is its own",
    "platform/together.py": "asks several rooms' questions in one statement",
}
_ASKING = {
    "execute",
    "scalar",
    "scalars",
    "stream",
    "stream_scalars",
    "get",
    "get_one",
    "add",
    "add_all",
    "merge",
    "delete",
}


def _files() -> list[Module]:
    return [
        module
        for module in modules()
        if module.room != "adapters"
        and not module.asks_the_database
        and not module.file.endswith("models.py")
        and module.name not in _MECHANISM
    ]


def _asks(tree: ast.AST) -> list[str]:
    """Calls such as `self._session.scalar(…)`."""
    return [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _ASKING
        and ast.unparse(node.func.value).endswith(("session", "connection"))
    ]


def _knows(tree: ast.AST) -> list[str]:
    return [
        f"line {line}: {source}"
        for source, _, line in imports(tree)
        if source.startswith("sqlalchemy") and source != "sqlalchemy.exc"
    ]


def test_a_use_case_neither_writes_sql_nor_hands_it_to_the_database() -> None:
    found = [
        f"{module.name} {line}" for module in _files() for line in (*_knows(module.tree), *_asks(module.tree))
    ]  # fmt: skip
    assert found == [], "ask in the room's repository.py or a *_rows.py"
