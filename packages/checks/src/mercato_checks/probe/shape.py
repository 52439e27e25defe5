"""Whether a body has the shape that its schema describes: types, required fields, enums, items, combinations.

Not a full validator, on purpose: the schema is a stranger's, and a few lines of `allOf` can ask for 2^40 steps.
Every step is counted, and a body that is not settled within the budget counts as fitting.
"""

from typing import Any

from mercato_checks.findings import pointer, shorten
from mercato_checks.openapi.document import Document
from mercato_checks.openapi.walk import References
from mercato_checks.probe.exchange import items, mapping

_STEPS = 50_000
_DEPTH = 40
_CHEAP = 10
"""So many members of a list of the schema are looked through at the cost of one step."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class _BudgetSpent(Exception):
    """Too many steps: the body counts as fitting."""


class Shape:
    """Compares bodies with the schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._references = References(document.tree)
        self._nullable = document.edition == "3.0"
        self._left = 0

    def first_mismatch(self, schema: Any, body: Any) -> str | None:
        """The first difference in words, beginning with its place; None where the body fits or none can be named."""
        self._left = _STEPS
        try:
            return self._compare(schema, body, ())
        # A schema that contains itself descends for ever without getting deeper into the body.
        except (_BudgetSpent, RecursionError):
            return None

    def _compare(self, written: Any, value: Any, path: tuple[str | int, ...]) -> str | None:
        self._spend(1)
        if len(path) > _DEPTH:
            raise _BudgetSpent
        schema = self._references.follow(written)
        if not isinstance(schema, dict) or (value is None and self._nullable and schema.get("nullable") is True):
            return None
        return (
            self._type(schema, value, path)
            or self._enum(schema, value, path)
            or self._fields(schema, value, path)
            or self._items(schema, value, path)
            or self._combined(schema, value, path)
        )

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _BudgetSpent

    def _type(self, schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> str | None:
        kinds = schema.get("type")
        allowed = [kinds] if isinstance(kinds, str) else items(kinds)
        self._spend(len(allowed) // _CHEAP)
        if not allowed or any(_is_of(value, kind) for kind in allowed):
            return None
        return f"{_place(path)} is not of type {shorten(' or '.join(map(shorten, allowed[:10])))}"

    def _enum(self, schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> str | None:
        choices = items(schema.get("enum"))
        self._spend(len(choices) // _CHEAP)
        return f"{_place(path)} is none of the values listed" if choices and value not in choices else None

    def _fields(self, schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> str | None:
        if not isinstance(value, dict):
            return None
        properties = mapping(schema.get("properties"))
        self._spend(len(items(schema.get("required"))) // _CHEAP)
        for name in items(schema.get("required")):
            hidden = mapping(self._references.follow(properties.get(name) if isinstance(name, str) else None))
            if isinstance(name, str) and name not in value and hidden.get("writeOnly") is not True:
                return f"{_place(path)} lacks `{shorten(name)}`"
        for name, child in value.items():
            mismatch = self._compare(properties.get(name, schema.get("additionalProperties")), child, (*path, name))
            if mismatch is not None:
                return mismatch
        return None

    def _items(self, schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> str | None:
        if not isinstance(value, list) or "items" not in schema or "prefixItems" in schema:
            return None
        for index, child in enumerate(value):
            mismatch = self._compare(schema["items"], child, (*path, index))
            if mismatch is not None:
                return mismatch
        return None

    def _combined(self, schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> str | None:
        for branch in items(schema.get("allOf")):
            mismatch = self._compare(branch, value, path)
            if mismatch is not None:
                return mismatch
        for keyword in ("anyOf", "oneOf"):
            branches = items(schema.get(keyword))
            if branches and all(self._compare(branch, value, path) is not None for branch in branches):
                return f"{_place(path)} has none of the forms described"
        return None


def _is_of(value: object, kind: object) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    expected = _TYPES.get(kind, object) if isinstance(kind, str) else object
    return isinstance(value, expected)


def _place(path: tuple[str | int, ...]) -> str:
    return f"`{shorten(pointer(*path))}`" if path else "the body"
