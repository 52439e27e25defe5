"""A form made of a JSON schema: one field for each value, as far as people fill in fields, and JSON beyond that.

`SchemaForm.fields` shows a body in fields, `SchemaForm.read` makes the body of what was typed. Both walk the schema the
same way. Names of fields are JSON pointers behind an `f`, such as `f/messages/0/role`.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercato.console.forms import Form
from mercato.console.schema_shape import Kind, Shape, Shapes
from mercato_contracts.problem import FieldError

_MOST_ITEMS = 12
_LONG_TEXT = 60
_INTEGER = re.compile(r"[+-]?\d{1,18}")
MORE = "more"
"""The field for what the others do not show: a JSON object that is merged into the body."""


class Absent:
    """No value; `None` is one."""


class Typed(str):
    """Typed text that is not a value of its field; it is shown again unchanged."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Field:
    """One field, or several under a heading. `more` are those that may be left empty, and are."""

    id: str
    name: str
    label: str
    kind: Kind
    required: bool
    hint: str = ""
    value: str = ""
    options: Sequence[str] = ()
    minimum: str = ""
    maximum: str = ""
    longest: int = 0
    children: Sequence["Field"] = ()
    more: Sequence["Field"] = ()
    is_long: bool = False


@dataclass(slots=True)
class SchemaForm:
    """The form of one schema; `root` is the document that its references lead into, `prefix` begins the names."""

    root: dict[str, Any]
    schema: Any
    prefix: str = "f"
    _shapes: Shapes = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._shapes = Shapes(self.root)

    @property
    def is_fillable(self) -> bool:
        """Whether the body is an object with at least one known field."""
        shape = self._shapes.of(self.schema, 0)
        return shape.kind == "group" and bool(shape.properties)

    def fields(self, body: Any) -> Field:
        """The body's fields with its values, under one heading."""
        self._count = 0
        return self._field(self.prefix, "", self.schema, body, required=True, depth=0)

    def left_of(self, body: Any) -> Field:
        """The field of what the others do not show."""
        shape = self._shapes.of(self.schema, 0)
        known = body if isinstance(body, dict) else {}
        left = {name: value for name, value in known.items() if name not in shape.properties}
        hint = "A JSON object with what the fields do not show."
        return Field(MORE, MORE, "Other fields", "json", False, hint, _text(left) if left else "")

    def read(self, form: Form) -> tuple[dict[str, Any], list[FieldError]]:
        """The body, and what is wrong with what was typed. The form's `add` and `drop` name items that come or go."""
        errors: list[FieldError] = []
        found = self._read(self.prefix, self.schema, form, errors, required=True, depth=0)
        return (found if isinstance(found, dict) else {}), errors

    def fits(self, body: Any) -> bool:
        """Whether the fields show all of the body, so that reading them gives the same one."""
        if not isinstance(body, dict):
            return False
        shape = self._shapes.of(self.schema, 0)
        return all(self._fits(schema, body[key], 1) for key, schema in shape.properties.items() if key in body)

    def _fits(self, schema: Any, value: Any, depth: int) -> bool:
        shape = self._shapes.of(schema, depth)
        if isinstance(value, Typed) or shape.kind == "json":
            return True
        if shape.kind == "group":
            return (
                isinstance(value, dict)
                and value.keys() <= shape.properties.keys()
                and all(self._fits(shape.properties[key], each, depth + 1) for key, each in value.items())
            )
        if shape.kind == "items":
            is_short = isinstance(value, list) and len(value) <= _MOST_ITEMS
            return is_short and all(self._fits(shape.items, each, depth + 1) for each in value)
        if shape.kind == "text":
            return isinstance(value, str)
        return _same(_converted(shape, _shown(shape, value)), value)

    def _field(self, name: str, label: str, schema: Any, value: Any, *, required: bool, depth: int) -> Field:
        shape = self._shapes.of(schema, depth)
        self._count += 1
        own: dict[str, Any] = {
            "id": f"f{self._count}", "name": name, "label": label, "kind": shape.kind, "required": required,
            "hint": shape.hint, "minimum": shape.minimum, "maximum": shape.maximum, "longest": shape.longest,
        }  # fmt: skip
        if isinstance(value, Typed) and shape.kind not in ("group", "items"):
            return Field(**own | {"value": str(value), "options": [word for word, _ in shape.choices]})
        if shape.kind == "group":
            return Field(**own | self._group(name, shape, value if isinstance(value, dict) else {}, depth))
        if shape.kind == "items":
            rows = value if isinstance(value, list) else []
            items = [
                self._field(f"{name}/{at}", f"{at + 1}", shape.items, row, required=False, depth=depth + 1)
                for at, row in enumerate(rows[:_MOST_ITEMS])
            ]
            return Field(**own | {"children": items, "value": str(len(items))})
        text = _shown(shape, value)
        is_long = shape.kind == "text" and (len(text) > _LONG_TEXT or "\n" in text)
        return Field(**own | {"value": text, "options": [word for word, _ in shape.choices], "is_long": is_long})

    def _group(self, name: str, shape: Shape, value: dict[str, Any], depth: int) -> dict[str, Any]:
        shown: list[Field] = []
        more: list[Field] = []
        for key, schema in shape.properties.items():
            required = key in shape.required
            one = self._field(
                f"{name}/{_step(key)}", key, schema, value.get(key, ABSENT), required=required, depth=depth + 1
            )
            (shown if required or key in value else more).append(one)
        return {"children": shown, "more": more}

    def _read(self, name: str, schema: Any, form: Form, errors: list[FieldError], *, required: bool, depth: int) -> Any:
        shape = self._shapes.of(schema, depth)
        if shape.kind == "group":
            body = {}
            for key, each in shape.properties.items():
                known = key in shape.required
                found = self._read(f"{name}/{_step(key)}", each, form, errors, required=known, depth=depth + 1)
                if found is not ABSENT:
                    body[key] = found
            return body if body or required else ABSENT
        if shape.kind == "items":
            return self._read_items(name, shape, form, errors, required=required, depth=depth)
        text = form.raw(name)
        if not text.strip():
            return "" if required and shape.kind == "text" else ABSENT
        return _value(shape, text, name, errors)

    def _read_items(
        self, name: str, shape: Shape, form: Form, errors: list[FieldError], *, required: bool, depth: int
    ) -> Any:
        typed = form.get(f"{name}/#")
        count = min(int(typed), _MOST_ITEMS) if typed.isdecimal() and len(typed) < 4 else 0
        dropped, added = form.get("drop"), form.get("add") == name
        rows = [
            self._read(f"{name}/{at}", shape.items, form, errors, required=True, depth=depth + 1)
            for at in range(count)
            if f"{name}/{at}" != dropped
        ]
        rows = [row for row in rows if row is not ABSENT]
        if added and len(rows) < _MOST_ITEMS:
            rows.append(self._empty(shape.items, depth + 1))
        return rows if rows or required else ABSENT

    def _empty(self, schema: Any, depth: int) -> Any:
        """A new item, whose required fields are there to be filled in."""
        shape = self._shapes.of(schema, depth)
        return {} if shape.kind == "group" else [] if shape.kind == "items" else ""


def _same(one: Any, other: Any) -> bool:
    """As JSON distinguishes them: `true` is not 1, but 1.0 is."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _step(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _shown(shape: Shape, value: Any) -> str:
    if value is ABSENT:
        return ""
    if shape.kind == "lines" and isinstance(value, list):
        return "\n".join(_word(each) for each in value)
    if shape.kind in ("json", "lines"):
        return _text(value)
    return _word(value)


def _word(value: Any) -> str:
    """A single value as people type it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _value(shape: Shape, text: str, name: str, errors: list[FieldError]) -> Any:
    found = _converted(shape, text)
    if isinstance(found, Typed):
        errors.append(FieldError(field=_spoken(name), code=shape.kind, message=_WRONG[shape.kind]))
    return found


_WRONG: dict[str, str] = {
    "integer": "This is no whole number.",
    "number": "This is no number.",
    "boolean": "Choose true or false.",
    "choice": "This is none of the choices.",
    "json": "This is no JSON.",
    "lines": "One of these lines is no number.",
}


def _converted(shape: Shape, text: str) -> Any:
    typed = text.strip()
    if shape.kind == "choice":
        return next((value for word, value in shape.choices if word == typed), Typed(text))
    if shape.kind == "boolean":
        return {"true": True, "false": False}.get(typed, Typed(text))
    if shape.kind in ("integer", "number"):
        return _number(shape.kind, typed)
    if shape.kind == "json":
        return _json(text)
    if shape.kind == "lines":
        rows = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
        values = rows if shape.line == "text" else [_number(shape.line, row.strip()) for row in rows]
        return Typed(text) if any(isinstance(value, Typed) for value in values) else values
    return text


def _number(kind: str, typed: str) -> Any:
    if _INTEGER.fullmatch(typed):
        return int(typed)
    if kind == "integer":
        return Typed(typed)
    try:
        found = float(typed)
    except ValueError:
        return Typed(typed)
    return found if math.isfinite(found) else Typed(typed)


def read_more(form: Form, errors: list[FieldError]) -> dict[str, Any]:
    """What `left_of` shows, as it was typed."""
    text = form.raw(MORE)
    found = _json(text) if text.strip() else {}
    if not isinstance(found, dict):
        errors.append(FieldError(field=MORE, code="json", message="This is no JSON object."))
        return {}
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Typed(text)


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _spoken(name: str) -> str:
    """`messages.0.role`, as other refusals name fields."""
    steps: Iterable[str] = name.split("/")[1:]
    return ".".join(step.replace("~1", "/").replace("~0", "~") for step in steps)
