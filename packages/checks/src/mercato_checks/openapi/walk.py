"""Walks through a document: its parts with their places, its references, its operations."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mercato_checks.findings import pointer, shorten

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# Below these keys names are the author's, so `default` or `example` there is a name and not a keyword.
_NAMES = frozenset(
    [
        "properties",
        "patternProperties",
        "$defs",
        "definitions",
        "dependentSchemas",
        "schemas",
        "responses",
        "parameters",
        "examples",
        "requestBodies",
        "headers",
        "securitySchemes",
        "links",
        "callbacks",
        "pathItems",
        "paths",
        "webhooks",
        "content",
        "encoding",
        "variables",
        "mapping",
        "scopes",
    ]
)
# The values of these keywords are data, not description: nothing in them refers to anything.
DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})
_LONGEST_CHAIN = 32
# One path item may stand for many paths: its parameters are read for each, so their number is bounded.
_MOST_PARAMETERS = 1_000
_MOST_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Part:
    """One object of the document that describes something. `named` when its keys are the author's names."""

    node: dict[str, Any]
    key: str | int
    above: "Part | _List | None"
    named: bool

    @property
    def where(self) -> str:
        return pointer(*_steps(self))


@dataclass(frozen=True, slots=True)
class _List:
    key: str | int
    above: "Part | _List | None"


def _steps(part: "Part | _List") -> list[str | int]:
    steps: list[str | int] = []
    at: Part | _List | None = part
    while at is not None and at.above is not None:
        steps.append(at.key)
        at = at.above
    return steps[::-1]


def walk(tree: dict[str, Any]) -> Iterator[Part]:
    """Every describing object, outermost first; what stands under examples, defaults, enums and `x-` is left out."""
    stack: list[tuple[Any, str | int, Part | _List | None, bool]] = [(tree, "", None, False)]
    while stack:
        node, key, above, named = stack.pop()
        if isinstance(node, dict):
            part = Part(node, key, above, named)
            yield part
            stack.extend(_below(part))
        elif isinstance(node, list):
            here = _List(key, above)
            stack.extend((child, index, here, False) for index, child in enumerate(node))


def _below(part: Part) -> Iterator[tuple[Any, str | int, Part, bool]]:
    for key, child in part.node.items():
        if not isinstance(child, dict | list):
            continue
        if part.named:
            yield child, key, part, False
        elif isinstance(key, str) and key.startswith("x-"):
            continue
        elif key not in DATA or (key == "examples" and isinstance(child, dict)):
            yield child, key, part, key in _NAMES and isinstance(child, dict)


@dataclass(slots=True)
class References:
    """Finds what a reference of the document names; each pointer is looked up once."""

    tree: dict[str, Any]
    anchors: dict[str, Any] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict)

    def find(self, reference: str) -> Any:
        """The part that `#/…` or `#anchor` names, or None."""
        if reference not in self._known:
            self._known[reference] = self._look_up(reference)
        return self._known[reference]

    def _look_up(self, reference: str) -> Any:
        fragment = unquote(reference.removeprefix("#"))
        if fragment and not fragment.startswith("/"):
            return self.anchors.get(fragment)
        node: Any = self.tree
        for step in fragment.split("/")[1:]:
            node = _step(node, step.replace("~1", "/").replace("~0", "~"))
            if node is None:
                return None
        return node

    def follow(self, node: Any) -> Any:
        """`node`, or what its `$ref` leads to in the end; None for a dead end or a circle."""
        for _ in range(_LONGEST_CHAIN):
            if not (isinstance(node, dict) and isinstance(node.get("$ref"), str)):
                return node
            if not node["$ref"].startswith("#"):
                return None
            node = self.find(node["$ref"])
        return None


def _step(node: Any, step: str) -> Any:
    if isinstance(node, dict):
        return node.get(step)
    if isinstance(node, list) and len(step) < _MOST_DIGITS and step.isdecimal() and int(step) < len(node):
        return node[int(step)]
    return None


@dataclass(frozen=True, slots=True)
class OperationAt:
    """An operation of the document. `method` in lower case; `parameters` are the path's, overridden by its own."""

    method: str
    path: str
    node: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def where(self) -> str:
        return pointer("paths", self.path, self.method)


def first_of_each(operations: Iterable[OperationAt]) -> Iterator[OperationAt]:
    """Operations without those whose description stands under an earlier path already, by a reference to its item."""
    seen: set[int] = set()
    for operation in operations:
        if id(operation.node) not in seen:
            seen.add(id(operation.node))
            yield operation


def operations(tree: dict[str, Any], references: References) -> Iterator[OperationAt]:
    """All operations under `paths`; malformed parts are passed over, the schema layer names them."""
    paths = tree.get("paths")
    # One item may stand under thousands of paths: its parameters are read once.
    known: dict[int, dict[tuple[str, str], dict[str, Any]]] = {}
    for path, written in paths.items() if isinstance(paths, dict) else ():
        item = references.follow(written)
        if path.startswith("x-") or not isinstance(item, dict):
            continue
        if id(item) not in known:
            known[id(item)] = _parameters(item, references)
        shared = known[id(item)]
        for method in METHODS:
            node = item.get(method)
            if isinstance(node, dict):
                if id(node) not in known:
                    known[id(node)] = _parameters(node, references)
                yield OperationAt(method, path, node, list((shared | known[id(node)]).values()))


def _parameters(node: dict[str, Any], references: References) -> dict[tuple[str, str], dict[str, Any]]:
    listed = node.get("parameters")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for written in listed[:_MOST_PARAMETERS] if isinstance(listed, list) else ():
        parameter = references.follow(written)
        if isinstance(parameter, dict):
            found[word(parameter.get("in")), word(parameter.get("name"))] = parameter
    return found


def word(value: Any) -> str:
    """A name: the text, or what stands there instead of one, shortened: it may be an object of a megabyte."""
    return value if isinstance(value, str) else shorten(value)
