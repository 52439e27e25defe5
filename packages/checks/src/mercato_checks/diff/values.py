"""JSON values as JSON Schema compares them: 1 equals 1.0 and not true, and keys have no order."""

from typing import Any

_LARGE = 2**60
Frozen = Any
"""A hashable stand-in for a JSON value: equal exactly where the values are equal as JSON."""


def freeze(value: Any) -> Frozen:
    """The stand-in. Depth is bounded by the reader of documents.

    Large integers as text: the multiples of 2**61 - 1 all have the hash 0, and a set of them is as slow as a list.
    """
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return ("object", frozenset((key, freeze(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(freeze(item) for item in value))
    if kind_of(value) == "integer" and abs(value) >= _LARGE:
        return ("integer", hex(int(value)))
    return value


def kind_of(value: Any) -> str:
    """The JSON type; `integer` for a number without a fraction."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names = {float: "number", str: "string", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def size_of(value: Any) -> int:
    """How many values it consists of, to count against a budget. Without recursion."""
    count, stack = 0, [value]
    while stack:
        node = stack.pop()
        count += 1
        if isinstance(node, dict | list):
            stack.extend(node.values() if isinstance(node, dict) else node)
    return count
