"""Whether a change of the contracts would break users of the released ones.

Schemas are compared message by message, in the directions in which each one travels: what clients send us must still be
accepted, what we send must still be understood. A message that carries its version (`contract: "signal-inference/2"`)
travels both ways and never changes its shape: a changed one is a new version beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_BOUNDS_LOW = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_BOUNDS_HIGH = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SENT_TO_US = ("Request", "Write", "Manifest", "Spec", "Heartbeat", "Event", "Batch")


@dataclass(frozen=True, slots=True)
class Break:
    """One change that breaks: `where` is `module.Message.field…`."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class _Ways:
    """In which directions a message travels, seen from the marketplace."""

    received: bool
    sent: bool


def find_breaks(released: Mapping[str, Schema], present: Mapping[str, Schema]) -> list[Break]:
    """Every breaking change between two exports of `mercato_contracts.export.schemas`; none means compatible.

    New modules, messages and optional fields break nobody.
    """
    found: list[Break] = []
    for module, before in released.items():
        now = present.get(module)
        if now is None:
            found.append(Break(module, "the module is gone"))
            continue
        ways = _ways(before)
        for name, schema in before.get("$defs", {}).items():
            where = f"{module}.{name}"
            if name not in now.get("$defs", {}):
                found.append(Break(where, "the message is gone"))
            else:
                found += _compare(schema, now["$defs"][name], ways[name], where)
    return found


def _ways(module: Schema) -> dict[str, _Ways]:
    """What a request holds is received, what anything else holds is sent; a versioned contract is both."""
    defs: Mapping[str, Schema] = module.get("$defs", {})
    received, sent = set(), set()
    for name, schema in defs.items():
        reached = {name, *_reached(schema, defs, set())}
        is_versioned = "const" in schema.get("properties", {}).get("contract", {})
        if is_versioned or name.endswith(_SENT_TO_US):
            received |= reached
        if is_versioned or not name.endswith(_SENT_TO_US):
            sent |= reached if not _is_part_of_requests_only(name, defs) else set()
    return {name: _Ways(name in received, name in sent or name not in received) for name in defs}


def _is_part_of_requests_only(name: str, defs: Mapping[str, Schema]) -> bool:
    """A message inside others is no answer by itself; it travels as they do."""
    holders = [each for each, schema in defs.items() if each != name and name in _reached(schema, defs, set())]
    return bool(holders) and all(each.endswith(_SENT_TO_US) for each in holders)


def _reached(schema: Any, defs: Mapping[str, Schema], seen: set[str]) -> set[str]:
    if isinstance(schema, list):
        for item in schema:
            _reached(item, defs, seen)
    elif isinstance(schema, Mapping):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen and name in defs:
            seen.add(name)
            _reached(defs[name], defs, seen)
        for key, value in schema.items():
            if key != "examples":
                _reached(value, defs, seen)
    return seen


def _compare(before: Schema, now: Schema, ways: _Ways, where: str) -> Iterator[Break] | list[Break]:
    if "properties" in before or "properties" in now:
        return list(_compare_object(before, now, ways, where))
    return list(_compare_value(before, now, ways, where))


def _compare_object(before: Schema, now: Schema, ways: _Ways, where: str) -> Iterator[Break]:
    fields_before, fields_now = before.get("properties", {}), now.get("properties", {})
    must_before, must_now = set(before.get("required", ())), set(now.get("required", ()))
    for name, schema in fields_before.items():
        if name not in fields_now:
            yield Break(f"{where}.{name}", "the field is gone")
            continue
        yield from _compare(schema, fields_now[name], ways, f"{where}.{name}")
        if ways.received and name in must_now - must_before:
            yield Break(f"{where}.{name}", "the field is required now")
        if ways.sent and name in must_before - must_now:
            yield Break(f"{where}.{name}", "the field may be missing now")
    for name in fields_now.keys() - fields_before.keys():
        if ways.received and name in must_now:
            yield Break(f"{where}.{name}", "a new field is required")
        elif ways.received and ways.sent and before.get("additionalProperties") is False:
            yield Break(f"{where}.{name}", "a versioned contract got a field; an older reader refuses it")
    if ways.received and before.get("additionalProperties") is not False and now.get("additionalProperties") is False:
        yield Break(where, "unknown fields are refused now")


def _compare_value(before: Schema, now: Schema, ways: _Ways, where: str) -> Iterator[Break]:
    if before.get("$ref") != now.get("$ref"):
        yield Break(where, f"the type changed from {_name(before)} to {_name(now)}")
        return
    if ways.received:
        yield from (Break(where, f"{what}: the type is narrower") for what in _narrower(before, now))
    if ways.sent:
        yield from (Break(where, f"{what}: the type is wider") for what in _wider(before, now))
    for key in ("items", "additionalProperties"):
        if isinstance(before.get(key), Mapping) and isinstance(now.get(key), Mapping):
            yield from _compare(before[key], now[key], ways, f"{where}[]")


def _narrower(before: Schema, now: Schema) -> Iterator[str]:
    """What was accepted and is no longer."""
    gone = _alternatives(before) - _alternatives(now)
    if gone:
        yield f"{', '.join(sorted(gone))} is no longer accepted"
    for key in _BOUNDS_LOW:
        if key in now and now[key] > before.get(key, float("-inf")):
            yield f"{key} is {now[key]}"
    for key in _BOUNDS_HIGH:
        if key in now and now[key] < before.get(key, float("inf")):
            yield f"{key} is {now[key]}"
    for key in ("pattern", "format", "multipleOf"):
        if key in now and now[key] != before.get(key):
            yield f"{key} is {now[key]}"


def _wider(before: Schema, now: Schema) -> Iterator[str]:
    """What may come that never came. Bounds of numbers and texts concern no reader; other kinds and words do."""
    new = _alternatives(now) - _alternatives(before)
    if new:
        yield f"{', '.join(sorted(new))} may come"


def _alternatives(schema: Schema) -> set[str]:
    """The kinds or words that a value may be, as text; an integer is a number too."""
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return set().union(*(_alternatives(each) for each in schema[key]))
    if "enum" in schema:
        return {repr(each) for each in schema["enum"]}
    if "const" in schema:
        return {repr(schema["const"])}
    if "$ref" in schema:
        return {_name(schema)}
    kind = schema.get("type", "anything")
    return {kind} if kind != "array" else {f"array of {'/'.join(sorted(_alternatives(schema.get('items', {}))))}"}


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", schema.get("type", "anything"))).rpartition("/")[2]
