"""The last step of folding: what several parts state about one thing is joined, and what has no effect is dropped."""

from collections.abc import Callable
from typing import Any

from mercato_checks.diff.folding import Folding, ObjectPart
from mercato_checks.diff.node import ANY, Demand, Node
from mercato_checks.diff.values import kind_of

_NEEDS = {
    "minLength": "string",
    "maxLength": "string",
    "minItems": "array",
    "maxItems": "array",
    "minProperties": "object",
    "maxProperties": "object",
}


def settle(fold: Folding, count: Callable[[int], None], *, joined: bool) -> Node:
    """The finished node of a folding. `count` receives the number of steps it takes.

    `joined`: the comparison itself put schemas together, to look at the values of one type, for example.
    """
    node = fold.node
    _join_objects(fold, count)
    _join_arrays(fold, count)
    _infer_types(fold)
    if fold.add_null:
        node.types = None if node.types is None else node.types | {"null"}
        if node.enum is not None:
            node.enum[None] = None
    settle_enum(node)
    if joined:
        # What an author wrote stays, with or without an effect: a bound on the wrong type may be the author's mistake.
        _drop_of_other_types(node)
    node.sizes = {name: size for name, size in node.sizes.items() if size != 0 or not name.startswith("min")}
    if node.types is not None and "number" in node.types and any(each.denominator == 1 for each in node.multiples):
        node.types = node.types - {"number"} | {"integer"}
    if node.types is not None and "number" not in node.types and "integer" in node.types:
        _round_bounds(node)
    return node


def _join_objects(fold: Folding, count: Callable[[int], None]) -> None:
    node, schema = fold.node, fold.schemas.schema
    names = dict.fromkeys(name for part in fold.objects for name in part.properties)
    count(len(names) * len(fold.objects))
    for name in names:
        found = ANY
        for part in fold.objects:
            if name in part.properties:
                found = found.and_(schema(part.properties[name]))
            elif part.additional is not None:
                found = found.and_(part.additional)
        node.properties[name] = found
    for part in fold.objects:
        _join_rest(fold, part)
    if any("additionalProperties" in part.raw for part in fold.objects):
        # It concerns all properties that are left, so none is left unevaluated.
        node.unevaluated = None


def _join_rest(fold: Folding, part: ObjectPart) -> None:
    node, schema = fold.node, fold.schemas.schema
    for pattern, raw in part.patterns.items():
        node.pattern_properties[pattern] = node.pattern_properties.get(pattern, ANY).and_(schema(raw))
    if part.additional is not None:
        node.additional = (node.additional or ANY).and_(part.additional)
        if part.patterns and len(fold.objects) > 1:
            # Which properties of the other parts it concerns depends on what the patterns match.
            node.demands.append(Demand("additionalProperties", (schema(part.raw),)))


def _join_arrays(fold: Folding, count: Callable[[int], None]) -> None:
    node = fold.node
    longest = max((len(prefix) for prefix, _ in fold.arrays), default=0)
    count(longest * len(fold.arrays))
    for index in range(longest):
        found = ANY
        for prefix, rest in fold.arrays:
            found = found.and_(prefix[index] if index < len(prefix) else rest or ANY)
        node.prefix.append(found)
    for _, rest in fold.arrays:
        if rest is not None:
            node.items = (node.items or ANY).and_(rest)
    if node.items is None and fold.rest_of_items is not None:
        node.items, node.unevaluated_items = fold.rest_of_items, True


def _infer_types(fold: Folding) -> None:
    """Without a type, documents that describe properties mean an object, and those that describe items an array."""
    node = fold.node
    if node.types is None and node.enum is None:
        kinds = {"object"} if node.properties else set()
        described = node.items is not None and not node.unevaluated_items
        kinds |= {"array"} if node.prefix or described else set()
        kinds |= {"null"} if kinds and fold.nullable_shape else set()
        node.types = frozenset(kinds) or None
        node.implied = bool(kinds)


def settle_enum(node: Node) -> None:
    """The types of an enum are those of its values; one that names all values of its types says no more than those."""
    if node.enum is None:
        return
    kinds: dict[str, set[Any]] = {}
    for key, value in list(node.enum.items()):
        if _has_type(kind_of(value), node.types):
            kinds.setdefault(kind_of(value), set()).add(key)
        else:
            del node.enum[key]
    node.types = frozenset(kinds) - {"integer"} if "number" in kinds else frozenset(kinds)
    sizes = {"null": 1, "boolean": 2}
    if all(len(keys) == sizes.get(kind) for kind, keys in kinds.items()):
        node.enum = None


def _has_type(kind: str, types: frozenset[str] | None) -> bool:
    return types is None or kind in types or (kind == "integer" and "number" in types)


def _drop_of_other_types(node: Node) -> None:
    """Bounds of what the value cannot be."""
    node.sizes = {name: size for name, size in node.sizes.items() if node.may_be(_NEEDS[name])}
    if not node.may_be("number", "integer"):
        node.lower = node.upper = None
        node.multiples = set()
    if not node.may_be("string"):
        node.patterns, node.media = set(), {}
    if not node.may_be("object"):
        node.properties, node.pattern_properties, node.required, node.dependent = {}, {}, set(), {}
        node.additional = node.unevaluated = node.names = None
    if not node.may_be("array"):
        node.prefix, node.items, node.unique = [], None, False


def _round_bounds(node: Node) -> None:
    """Between whole numbers an exclusive bound is an inclusive one, a step further in."""
    for bound, inwards in ((node.lower, 1), (node.upper, -1)):
        if bound is None or bound.value in (float("inf"), float("-inf")):
            continue
        whole = int(bound.value // 1) if inwards > 0 else -int(-bound.value // 1)
        if bound.value == whole:
            bound.value = whole + inwards if bound.exclusive else whole
        else:
            bound.value = whole + inwards
        bound.exclusive = False
    node.multiples = {each for each in node.multiples if each.numerator != 1}
