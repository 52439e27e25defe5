"""A room is entered by its front door: nobody outside imports one of its inner modules, not even inside a function."""

import ast

import pytest

from tests.architecture.reading import SERVER, Module, imports, modules, rooms_modules

_ROOMS = frozenset(module.room for module in rooms_modules())
_EXPORTS = frozenset(
    f"mercato.{module.room}.{name}"
    for module in rooms_modules()
    if module.file == "__init__.py"
    for _, name, _ in imports(module.tree)
)
"""What front doors hand out; a function may have the name of its module."""


def _imported(node: ast.AST) -> list[str]:
    """What the statement may import; `from mercato.room import inner` may name a module, too."""
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        return [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return []


def _home(dotted: str) -> tuple[str, ...] | None:
    """What the module is inner to: a room, or an adapter that is a package. `None` where it is a door itself."""
    _, *path = dotted.split(".")
    if dotted in _EXPORTS or not (
        SERVER.joinpath(*path).is_dir() or SERVER.joinpath(*path).with_suffix(".py").is_file()
    ):
        return None
    if len(path) > 1 and path[0] in _ROOMS:
        return (path[0],)
    if len(path) > 2 and path[0] == "adapters":
        return (path[0], path[1])
    return None


def _deep(module: Module) -> list[str]:
    """Inner modules of others that the module imports, by line."""
    own = module.name.split("/")
    return [
        f"{module.name}:{getattr(node, 'lineno', 0)} {each}"
        for node in ast.walk(module.tree)
        for each in _imported(node)
        if each.startswith("mercato.") and (home := _home(each)) is not None and tuple(own[: len(home)]) != home
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from mercato.platform.database import driver_url",
        "from mercato.identity import keys",
        "def later():\n    import mercato.signals.kill",
        "from mercato.adapters.search_embedded.ranking import x",
    ],
)
def test_inner_modules_are_found(text: str) -> None:
    assert _deep(Module("app/somewhere.py", ast.parse(text))) != []


def test_front_doors_and_own_modules_are_free() -> None:
    lines = (
        "from mercato.identity import Keys",
        "from mercato.edge.wiring import Parts",
        "from mercato.publishing.work import Work",
    )
    assert _deep(Module("publishing/somewhere.py", ast.parse("\n".join(lines)))) == []


def test_rooms_are_entered_by_their_front_doors() -> None:
    assert [line for module in modules() for line in _deep(module)] == []
