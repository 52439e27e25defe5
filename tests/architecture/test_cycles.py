"""No ring of imports in any package: neither at the top of files nor inside functions.

What stands under `if TYPE_CHECKING:` never runs, so it is no import.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.architecture.reading import PACKAGES

_PACKAGES = sorted(each.name for each in PACKAGES.iterdir() if (each / "src").is_dir())


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, but what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)


@cache
def _modules(package: str) -> dict[str, ast.Module]:
    """Every module of the package by its dotted name; a front door has the name of its room."""
    source = PACKAGES / package / "src"
    files = (file for file in sorted(source.rglob("*.py")) if not {"migrations", "templates"} & set(file.parts))
    return {
        ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
        for file in files
    }


def _graph(package: str) -> dict[str, set[str]]:
    """For each module, those of the package that it imports."""
    modules = _modules(package)
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, tree in modules.items():
        for node in _running(tree):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                inner = {f"{node.module}.{each.name}" for each in node.names}
                graph[name] |= {each if each in modules else node.module for each in inner}
            elif isinstance(node, ast.Import):
                graph[name] |= {each.name for each in node.names}
    return {name: {each for each in found if each in graph and each != name} for name, found in graph.items()}


def _ring(graph: dict[str, set[str]]) -> list[str]:
    """What is left when all that imports nothing of what is left, or that nothing imports, is taken away."""
    left = dict(graph)
    while left:
        imported = set().union(*left.values())
        ends = [name for name, found in left.items() if not found & left.keys() or name not in imported]
        if not ends:
            break
        for name in ends:
            del left[name]
    return sorted(left)


def test_packages_are_read() -> None:
    assert {"checks", "cli", "contracts", "gateway", "server"} <= set(_PACKAGES)
    assert "mercato.platform.outbox" in _graph("server")["mercato.platform"]


def test_a_ring_is_found() -> None:
    assert _ring({"top": {"a"}, "a": {"b"}, "b": {"a", "end"}, "end": set()}) == ["a", "b"]


@pytest.mark.parametrize("package", _PACKAGES)
def test_modules_do_not_import_each_other_in_a_ring(package: str) -> None:
    assert _ring(_graph(package)) == []
