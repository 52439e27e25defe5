"""What `make docs` read from the code about each route: its refusals and its permissions."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """`refusals` are codes; of each tuple of `permissions` one is asked for, whichever the request needs. With
    `open_to_all` nobody needs a credential, and one that is shown must be right.
    """

    refusals: frozenset[str]
    permissions: tuple[tuple[str, ...], ...]
    open_to_all: bool = False


@cache
def route_facts() -> dict[str, RouteFacts]:
    """By operation; under the empty name stands what holds for every route with a transaction."""
    table = json.loads((files("mercato.edge.document") / "routes.json").read_text(encoding="utf-8"))
    return {
        name: RouteFacts(
            frozenset(facts["refusals"]), tuple(map(tuple, facts["permissions"])), facts.get("open_to_all", False)
        )
        for name, facts in table.items()
    }


def facts_of(operation: str) -> RouteFacts:
    """An operation that is not in the table yet has none; a test says that `make docs` is due."""
    return route_facts().get(operation, RouteFacts(frozenset(), ()))
