"""Semantics of values: examples and defaults against their own schema, patterns against ECMA-262.

Only the keywords beside the value are looked at (type, enum, bounds, lengths), never the schemas they refer to: that
finds the mistakes seen in published documents at a cost that grows with the document's length alone.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs

from mercato_checks.codes import found
from mercato_checks.findings import Finding, shorten
from mercato_checks.openapi.document import Edition
from mercato_checks.openapi.walk import Part, References

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_LONGEST_PATTERN = 10_000
_MOST_TYPES = 10


def check_values(parts: list[Part], references: References, edition: Edition) -> list[Finding]:
    """Warnings for examples, defaults and patterns that cannot be meant."""
    values = _Values(edition)
    return [finding for part in parts if not part.named for finding in _check(part, references, values)]


def _check(part: Part, references: References, values: "_Values") -> Iterator[Finding]:
    node = part.node
    if "default" in node and not values.fits(node["default"], node):
        yield found("openapi_default_invalid", f"{part.where}/default", "The default does not fit its schema.")
    schema = references.follow(node["schema"]) if isinstance(node.get("schema"), dict) else node
    if "example" in node and isinstance(schema, dict) and not values.fits(node["example"], schema):
        yield found("openapi_example_invalid", f"{part.where}/example", "The example does not fit its schema.")
    pattern = node.get("pattern")
    if isinstance(pattern, str) and not _is_pattern(pattern[:_LONGEST_PATTERN]):
        message = f"`{shorten(pattern, 40)}` is not a regular expression of ECMA-262."
        yield found("openapi_pattern_unusable", f"{part.where}/pattern", message)


class _Values:
    """Compares values with schemas of one document, each list of choices read once however many values it is for."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._choices: dict[int, frozenset[Any]] = {}

    def fits(self, value: Any, schema: dict[str, Any]) -> bool:
        """Whether nothing beside the value speaks against it."""
        if value is None and (self._edition == "3.0" and schema.get("nullable") is True):
            return True
        enum = schema.get("enum")
        if isinstance(enum, list) and enum and _frozen(value) not in self._frozen_choices(enum):
            return False
        types = schema.get("type")
        named = types[:_MOST_TYPES] if isinstance(types, list) else [types]
        allowed = {each for each in named if isinstance(each, str)}
        if not allowed or not allowed <= _TYPES:
            return True
        return any(_is_of(value, each) for each in allowed) and _within(value, schema)

    def _frozen_choices(self, enum: list[Any]) -> frozenset[Any]:
        if id(enum) not in self._choices:
            self._choices[id(enum)] = frozenset(map(_frozen, enum))
        return self._choices[id(enum)]


def _frozen(value: Any) -> Any:
    """Equal for equal JSON values, and hashable."""
    if isinstance(value, dict):
        return "object", frozenset((key, _frozen(child)) for key, child in value.items())
    return ("array", *map(_frozen, value)) if isinstance(value, list) else value


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int):
        return kind in ("integer", "number")
    if isinstance(value, float):
        return kind == "number" or (kind == "integer" and value.is_integer())
    names = {str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value)) == kind


def _within(value: Any, schema: dict[str, Any]) -> bool:
    bounds = {name: schema[name] for name in _BOUNDS if _is_number(schema.get(name))}
    if _is_number(value):
        return bool(bounds.get("minimum", value) <= value <= bounds.get("maximum", value))
    if isinstance(value, str | list):
        name = "Length" if isinstance(value, str) else "Items"
        return bool(bounds.get(f"min{name}", 0) <= len(value) <= bounds.get(f"max{name}", len(value)))
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@lru_cache(maxsize=1)
def _pattern_validator() -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"type": "string", "format": "regex"}, validate_formats=True, offline=True
    )


@lru_cache(maxsize=4096)
def _is_pattern(pattern: str) -> bool:
    return bool(_pattern_validator().is_valid(pattern))
