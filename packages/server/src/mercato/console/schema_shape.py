"""What a JSON schema asks people for: the kind of field, its limits and its choices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mercato.console.examples import mapping, resolve

Schema = dict[str, Any]
Kind = Literal["text", "integer", "number", "boolean", "choice", "lines", "json", "group", "items"]
_DEEPEST = 4
_MOST_PROPERTIES = 40
_MOST_WITHIN = 16
_MOST_CHOICES = 60
_LONGEST_HINT = 240
_SCALARS: Mapping[str, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One value. `line` is the kind of each line; `choices` are words with what they stand for."""

    kind: Kind
    hint: str = ""
    minimum: str = ""
    maximum: str = ""
    longest: int = 0
    choices: Sequence[tuple[str, Any]] = ()
    line: Kind = "text"
    items: Any = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()


class Shapes:
    """Reads the schemas of one document."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def of(self, schema: Any, depth: int) -> Shape:
        """What is deeper than four steps, or of several forms, is JSON."""
        found = self._flat(schema)
        hint = _hint(found)
        choices = _choices(found)
        if choices:
            return Shape("choice", hint, choices=choices)
        kind = _type(found)
        if kind in _SCALARS:
            return Shape(
                _SCALARS[kind], hint, _limit(found, "minimum"), _limit(found, "maximum"), _length(found)
            )  # fmt: skip
        if kind == "array" and depth < _DEEPEST:
            return self._array(found, hint, depth)
        if kind == "object" and depth < _DEEPEST and mapping(found.get("properties")):
            group = _object(found, hint)
            # The body itself may be large; a part of it that would fill the page is written as JSON.
            return group if depth == 0 or self._weight(group, depth) <= _MOST_WITHIN else Shape("json", hint)
        return Shape("json", hint)

    def _weight(self, group: Shape, depth: int) -> int:
        """How many fields it has, those of its parts too; counted no further than the limit."""
        total = 0
        for schema in group.properties.values():
            inner = self.of(schema, depth + 1)
            total += 1 + (self._weight(inner, depth + 1) if inner.kind == "group" else 0)
            if total > _MOST_WITHIN:
                break
        return total

    def _array(self, found: Schema, hint: str, depth: int) -> Shape:
        items = found.get("items")
        inner = self.of(items, depth + 1)
        if inner.kind in ("text", "integer", "number"):
            return Shape("lines", f"{hint} One a line.".strip(), line=inner.kind)
        if inner.kind == "group":
            return Shape("items", hint, items=items)
        return Shape("json", hint)

    def _flat(self, schema: Any, depth: int = 0) -> Schema:
        """The schema without references, with `allOf` joined and a choice of one thing or null as that thing."""
        found = resolve(self._root, schema)
        if depth > _DEEPEST:
            return {}
        for key in ("anyOf", "oneOf"):
            variants = [resolve(self._root, each) for each in _list(found.get(key))[:_MOST_CHOICES]]
            real = [each for each in variants if each.get("type") != "null"]
            if variants and len(real) == 1:
                found = {**found, **self._flat(real[0], depth + 1)}
                found.pop(key, None)
            elif variants and all("const" in each for each in real):
                found = {**found, "enum": [each["const"] for each in real]}
        for part in _list(found.get("allOf"))[:_MOST_PROPERTIES]:
            found = _join(found, self._flat(part, depth + 1))
        return found


def _join(one: Schema, other: Schema) -> Schema:
    properties = mapping(one.get("properties")) | mapping(other.get("properties"))
    required = [*_list(one.get("required")), *_list(other.get("required"))]
    joined = other | one
    return joined | ({"properties": properties, "required": required, "type": "object"} if properties else {})


def _object(found: Schema, hint: str) -> Shape:
    properties = mapping(found.get("properties"))
    required = frozenset(name for name in _list(found.get("required")) if isinstance(name, str))
    # Those that must be there come first, so that a limit never hides them.
    names = sorted(properties, key=lambda name: name not in required)[:_MOST_PROPERTIES]
    readable = {name: properties[name] for name in names if not _is_read_only(properties[name])}
    return Shape("group", hint, properties=readable, required=required & readable.keys())


def _is_read_only(schema: Any) -> bool:
    return mapping(schema).get("readOnly") is True


def _type(found: Schema) -> str:
    kind = found.get("type")
    if isinstance(kind, list):
        real = [each for each in kind if each != "null"]
        kind = real[0] if len(real) == 1 else None
    if kind is None and "properties" in found:
        return "object"
    return kind if isinstance(kind, str) else ""


def _choices(found: Schema) -> list[tuple[str, Any]]:
    values = _list(found.get("enum"))
    if not values or len(values) > _MOST_CHOICES or any(isinstance(each, dict | list) for each in values):
        return []
    return [(each if isinstance(each, str) else json.dumps(each), each) for each in values]


def _hint(found: Schema) -> str:
    text = str(found.get("description") or "")
    limits = [f"{word} {found[name]}" for name, word in (("minimum", "at least"), ("maximum", "at most"))
              if isinstance(found.get(name), int | float)]  # fmt: skip
    if isinstance(found.get("default"), str | int | float | bool) and found["default"] != "":
        limits.append(f"{json.dumps(found['default'], ensure_ascii=False)} where it is left empty")
    hint = " ".join(text.split())[:_LONGEST_HINT]
    return f"{hint} ({', '.join(limits)})".strip() if limits else hint


def _limit(found: Schema, name: str) -> str:
    value = found.get(name)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _length(found: Schema) -> int:
    value = found.get("maxLength")
    return value if isinstance(value, int) and 0 < value < 10**6 else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
