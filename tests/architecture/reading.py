"""The source of the control plane as the tests of its structure read it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGES = Path(__file__).parents[2] / "packages"
SERVER = PACKAGES / "server" / "src" / "mercato"
NOT_ROOMS = frozenset({"adapters", "api", "app", "console", "edge"})
"""Packages of the control plane that own no tables of the business, or translate only."""


@dataclass(frozen=True)
class Module:
    """One file. `name` is its path within the control plane, such as `signals/kill.py`."""

    name: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition("/")[0]

    @property
    def file(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def asks_the_database(self) -> bool:
        """Whether it is one of the files that hold a room's SQL."""
        return self.file == "repository.py" or self.file.endswith("_rows.py")


@cache
def modules() -> tuple[Module, ...]:
    """Every file of the control plane but its migrations."""
    files = sorted(SERVER.rglob("*.py"))
    return tuple(
        Module(str(file.relative_to(SERVER)), ast.parse(file.read_text()))
        for file in files
        if "migrations" not in file.parts
    )


def rooms_modules() -> list[Module]:
    """Those of rooms."""
    return [module for module in modules() if "/" in module.name and module.room not in NOT_ROOMS]


@cache
def tables() -> dict[str, frozenset[str]]:
    """The names of each room's tables: classes with a `__tablename__`, in whichever file."""
    found: dict[str, set[str]] = {}
    for module in modules():
        names = {node.name for node in module.tree.body if isinstance(node, ast.ClassDef) and table_name(node)}
        if names:
            found.setdefault(module.room, set()).update(names)
    return {room: frozenset(names) for room, names in found.items()}


def table_name(node: ast.ClassDef) -> str:
    """What PostgreSQL calls the table of the class; empty if the class is no table."""
    for inner in node.body:
        if isinstance(inner, ast.Assign) and ast.unparse(inner.targets[0]) == "__tablename__":
            return str(ast.literal_eval(inner.value))
    return ""


def imports(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Module, name and line of every `from … import …`, lazy ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            for each in node.names:
                yield node.module, each.name, node.lineno
