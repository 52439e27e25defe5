"""One of the two documents: its operations, with references followed, and its schemas."""

import re
from collections.abc import Callable
from typing import Any

from mercato_checks.diff.change import BudgetSpent
from mercato_checks.diff.reader import SchemaReader
from mercato_checks.openapi.document import Document
from mercato_checks.openapi.walk import MOST_PARAMETERS, OperationAt, References, operations_of, walk

_VARIABLE = re.compile(r"\{[^{}/]*\}")


class Side:
    """`count` takes the steps of the budget and raises `BudgetSpent`."""

    def __init__(self, document: Document, count: Callable[[int], None]) -> None:
        self.tree = document.tree
        self.edition = document.edition
        self.references = References(document.tree, _anchors(document.tree))
        self.schemas = SchemaReader(document.tree, document.edition, self.references, count)

    def operations(self, written: Any) -> dict[tuple[str, str], OperationAt]:
        """By method and path; the name of a path's variable does not matter to callers."""
        offered = operations_of(written, self.references)
        return {(each.method, _VARIABLE.sub("{}", each.path)): each for each in offered}

    def mapping(self, node: Any) -> dict[str, Any]:
        """What is written there or what its reference names; empty for anything but an object."""
        followed = self.references.follow(node)
        return followed if isinstance(followed, dict) else {}

    def parameters(self, operation: OperationAt) -> dict[tuple[str, str], dict[str, Any]]:
        """By place and name; those of the path by their position in it, declared or not."""
        if len(operation.parameters) >= MOST_PARAMETERS:
            raise BudgetSpent
        order = {name[1:-1]: str(index) for index, name in enumerate(_VARIABLE.findall(operation.path))}
        found: dict[tuple[str, str], dict[str, Any]] = {
            ("path", index): {"name": name, "in": "path", "required": True} for name, index in order.items()
        }
        # Names in lower case first: of two headers that differ in case only, neither may hide the other.
        for parameter in sorted(operation.parameters, key=lambda each: not str(each.get("name")).islower()):
            place, name = str(parameter.get("in")), str(parameter.get("name"))
            if place == "header" and name.lower() in _IGNORED_HEADERS:
                continue
            key = order.get(name, name) if place == "path" else name
            if place == "header" and (place, name.lower()) not in found:
                key = name.lower()
            found[place, key] = parameter
        return found


# Parameters of these names have no effect (OpenAPI 3.1.0, 4.8.12.2.1).
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


def _anchors(tree: dict[str, Any]) -> dict[str, Any]:
    """What `$anchor` and `$dynamicAnchor` name, where the whole document has but one of that name."""
    found: dict[str, Any] = {}
    repeated: set[str] = set()
    for part in walk(tree):
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = part.node.get(keyword)
            if part.named or not isinstance(name, str):
                continue
            if name in found and found[name] is not part.node:
                repeated.add(name)
            found[name] = part.node
    return {name: node for name, node in found.items() if name not in repeated}
