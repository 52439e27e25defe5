"""Traverses a document: its parts with their places, its references, its operations."""

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
MOST_PARAMETERS = 1_000
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
    """An operation of the document. `method` in lower case; `parameters` are the path's, overridden by its own.

    `servers`: its own or its path's, as written; None where those of the document hold.
    """

    method: str
    path: str
    node: dict[str, Any]
    parameters: list[dict[str, Any]]
    servers: Any = None

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
    yield from operations_of(tree.get("paths"), references)


def operations_of(paths: Any, references: References) -> Iterator[OperationAt]:
    """All operations of a map of path items: `paths`, `webhooks` or a callback."""
    # One item may stand under thousands of paths: it is put together, and its parameters are read, once.
    items: dict[tuple[int, ...], tuple[dict[str, Any], dict[tuple[str, str], dict[str, Any]]]] = {}
    known: dict[int, dict[tuple[str, str], dict[str, Any]]] = {}
    for path, written in paths.items() if isinstance(paths, dict) else ():
        if path.startswith("x-"):
            continue
        parts = [part for part in path_item_parts(written, references) if part.keys() - {"$ref"}]
        key = tuple(map(id, parts))
        if key not in items:
            joined = _join(parts)
            items[key] = joined, _parameters(joined, references)
        item, shared = items[key]
        for method in METHODS:
            node = item.get(method)
            if isinstance(node, dict):
                if id(node) not in known:
                    known[id(node)] = _parameters(node, references)
                parameters = list((shared | known[id(node)]).values())
                yield OperationAt(method, path, node, parameters, node.get("servers", item.get("servers")))


def path_item(written: Any, references: References) -> dict[str, Any]:
    """A path item with what its `$ref` names; of a field that stands in both, the one beside the `$ref` counts.

    Both editions allow other fields beside this `$ref` (OpenAPI 3.1.0, 4.8.9), unlike beside that of a schema in 3.0.
    """
    return _join(path_item_parts(written, references))


def _join(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    parameters: list[Any] = []
    for part in parts:
        item = part | item
        listed = part.get("parameters")
        # The outer ones come last: of two with one name the last one counts.
        parameters = [*(listed if isinstance(listed, list) else ()), *parameters]
    item.pop("$ref", None)
    return item | {"parameters": parameters} if parameters else item


def path_item_parts(written: Any, references: References) -> Iterator[dict[str, Any]]:
    """The path item as written, then what its `$ref` names, and so on."""
    node = written
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(node, dict):
            return
        yield node
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return
        node = references.find(reference)


def _parameters(node: dict[str, Any], references: References) -> dict[tuple[str, str], dict[str, Any]]:
    listed = node.get("parameters")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for written in listed[:MOST_PARAMETERS] if isinstance(listed, list) else ():
        parameter = references.follow(written)
        if isinstance(parameter, dict):
            found[word(parameter.get("in")), word(parameter.get("name"))] = parameter
    return found


def word(value: Any) -> str:
    """A name: the text, or what stands there instead of one, shortened: it may be an object of a megabyte."""
    return value if isinstance(value, str) else shorten(value)
