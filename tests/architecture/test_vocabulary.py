"""The front door of each room begins with its vocabulary, for whoever reads it first."""

import ast

import pytest

from tests.architecture.reading import Module, modules

_LINES = 4
_DOORS = [
    module
    for module in modules()
    if module.name.count("/") == 1 and module.file == "__init__.py" and module.room not in {"adapters", "api", "app"}
]


@pytest.mark.parametrize("module", _DOORS, ids=lambda module: module.room)
def test_a_room_explains_its_words(module: Module) -> None:
    lines = (ast.get_docstring(module.tree) or "").splitlines()
    assert len(lines) >= _LINES, "say in the docstring what the room's main words mean"
