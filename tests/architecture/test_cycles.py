"""No ring of imports within a room: neither at the top of files nor inside functions."""

import pytest

from tests.architecture.reading import SERVER, imports, rooms_modules

_ROOMS = sorted({module.room for module in rooms_modules()})


def _graph(room: str) -> dict[str, set[str]]:
    """For each module of the room, those of the room that it imports."""
    graph: dict[str, set[str]] = {}
    for module in rooms_modules():
        if module.room == room and module.file != "__init__.py":
            name = f"mercato.{module.name.removesuffix('.py').replace('/', '.')}"
            graph[name] = set()
            for source, imported, _ in imports(module.tree):
                graph[name] |= {source, f"{source}.{imported}"}
    return {name: {each for each in found if each in graph and each != name} for name, found in graph.items()}


def _ring(graph: dict[str, set[str]]) -> list[str]:
    """What is left when everything that imports nothing of what is left is taken away, again and again."""
    left = dict(graph)
    while ends := [name for name, found in left.items() if not found & left.keys()]:
        for name in ends:
            del left[name]
    return sorted(left)


def test_there_are_rooms() -> None:
    assert SERVER.is_dir()
    assert len(_ROOMS) > 10


@pytest.mark.parametrize("room", _ROOMS)
def test_modules_of_a_room_do_not_import_each_other_in_a_ring(room: str) -> None:
    assert _ring(_graph(room)) == []
