"""What each keyword of a schema adds to a node, in the dialect of the document: JSON Schema 2020-12 or OpenAPI 3.0.

A handler gives False for a value that the keyword cannot have. Such a value, and every keyword without a handler, is
kept as it is, because a difference in it cannot be judged.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mercato_checks.diff.folding import Folding, ObjectPart, meet
from mercato_checks.diff.node import ALL_TYPES, ANY, Bound, Demand
from mercato_checks.diff.values import freeze, is_number
from mercato_checks.openapi.document import Edition

# They describe and do not constrain, or hold schemas that count only where a reference names them.
ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "$comment",
        "example",
        "examples",
        "externalDocs",
        "$defs",
        "definitions",
        "$id",
        "$anchor",
        "$dynamicAnchor",
    }
)
_MATCHES_ALL = frozenset({"", "^", ".*"})
# Unknown to the schemas of OpenAPI 3.0: some tools obey them there and others do not.
_LATER = frozenset(
    {
        "const", "contains", "contentEncoding", "contentMediaType", "contentSchema", "dependencies",
        "dependentRequired", "dependentSchemas", "else", "if", "maxContains", "minContains", "patternProperties",
        "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
_FROZEN = frozenset({"enum", "const", "default", "xml"})


_Handler = Callable[[Folding, Any], bool]


def _type(fold: Folding, value: Any) -> bool:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        return False
    if not all(isinstance(each, str) and (each in ALL_TYPES or each == "integer") for each in listed):
        return False
    types = frozenset(listed)
    if fold.or_null or (fold.edition == "3.0" and fold.raw.get("nullable") is True):
        types |= {"null"}
    fold.node.types = meet(fold.node.types, types - {"integer"} if "number" in types else types)
    return True


def _nullable(fold: Folding, value: Any) -> bool:
    # JSON Schema, and so OpenAPI 3.1, does not know this keyword.
    if fold.edition != "3.0" or not isinstance(value, bool):
        return False
    # Beside `allOf` 3.0 leaves open what it means; documents mean that null is allowed.
    fold.add_null = fold.add_null or (value and "type" not in fold.raw)
    return True


def _enum(fold: Folding, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    allowed = {freeze(each): each for each in value}
    if fold.or_null or (fold.edition == "3.0" and fold.raw.get("nullable") is True):
        allowed[None] = None
    known = fold.node.enum
    fold.node.enum = allowed if known is None else {key: each for key, each in known.items() if key in allowed}
    return True


def _const(fold: Folding, value: Any) -> bool:
    return _enum(fold, [value])


def _bound(side: str, *, exclusive_keyword: bool) -> _Handler:
    sign = 1 if side == "lower" else -1
    exclusive_name = "exclusiveMinimum" if side == "lower" else "exclusiveMaximum"

    def handle(fold: Folding, value: Any) -> bool:
        if exclusive_keyword and isinstance(value, bool):
            return fold.edition == "3.0"
        if not is_number(value) or (exclusive_keyword and fold.edition == "3.0"):
            return False
        exclusive = exclusive_keyword or (fold.edition == "3.0" and fold.raw.get(exclusive_name) is True)
        known: Bound | None = getattr(fold.node, side)
        if known is None or (sign * value, exclusive) > (sign * known.value, known.exclusive):
            setattr(fold.node, side, Bound(value, exclusive))
        return True

    return handle


def _size(keyword: str) -> _Handler:
    stricter = max if keyword.startswith("min") else min

    def handle(fold: Folding, value: Any) -> bool:
        if not is_number(value) or value < 0:
            return False
        fold.node.sizes[keyword] = stricter(value, fold.node.sizes.get(keyword, value))
        return True

    return handle


def _multiple_of(fold: Folding, value: Any) -> bool:
    if not is_number(value) or not 0 < value < float("inf"):
        return False
    # As decimal text: a tenth is meant, not the float beside it.
    fold.node.multiples.add(Fraction(str(value)))
    return True


def _pattern(fold: Folding, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if value not in _MATCHES_ALL:
        fold.node.patterns.add(value)
    return True


def _format(fold: Folding, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    # 3.1 writes these two of 3.0 in other words (OpenAPI 3.1.0, 4.7.14.2 and the notes on migration).
    if value == "byte":
        return _media("contentEncoding")(fold, "base64")
    if value == "binary":
        return _media("contentMediaType")(fold, "application/octet-stream")
    fold.node.formats.add(value)
    return True


def _media(keyword: str) -> _Handler:
    def handle(fold: Folding, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        return fold.node.media.setdefault(keyword, value.lower()) == value.lower()

    return handle


def _unique(fold: Folding, value: Any) -> bool:
    fold.node.unique = fold.node.unique or value is True
    return isinstance(value, bool)


def _default(fold: Folding, value: Any) -> bool:
    fold.node.defaults[freeze(value)] = value
    return True


def _flag(name: str) -> _Handler:
    def handle(fold: Folding, value: Any) -> bool:
        if value is True:
            setattr(fold.node, name, True)
        return isinstance(value, bool)

    return handle


def _open_enum(fold: Folding, value: Any) -> bool:
    fold.node.open_enum = value is not False
    return True


def _required(fold: Folding, value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return False
    fold.node.required.update(value)
    return True


def _dependent_required(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict) or not all(_is_names(names) for names in value.values()):
        return False
    for name, names in value.items():
        fold.node.dependent.setdefault(name, set()).update(names)
    return True


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _dependent_schemas(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    for name, raw in value.items():
        if _is_names(raw):
            fold.node.dependent.setdefault(name, set()).update(raw)
        else:
            fold.node.demands.append(Demand("dependentSchemas", (fold.schemas.schema(raw),), name))
    return True


def _object_keyword(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    _object_part(fold)
    return True


def _additional(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict | bool):
        return False
    part, rest = _object_part(fold), fold.schemas.schema(value)
    part.additional = None if _is_any(value) else rest
    return True


def _is_any(value: Any) -> bool:
    return value is True or value == {}


def _object_part(fold: Folding) -> ObjectPart:
    if not fold.objects or fold.objects[-1].raw is not fold.raw:
        properties, patterns = fold.raw.get("properties"), fold.raw.get("patternProperties")
        part = ObjectPart(
            fold.raw,
            properties if isinstance(properties, dict) else {},
            patterns if isinstance(patterns, dict) else {},
            None,
        )
        fold.objects.append(part)
    return fold.objects[-1]


def _property_names(fold: Folding, value: Any) -> bool:
    fold.node.names = (fold.node.names or ANY).and_(fold.schemas.schema(value))
    return isinstance(value, dict | bool)


def _items(fold: Folding, value: Any) -> bool:
    written = fold.raw.get("prefixItems", value)
    prefix = written if isinstance(written, list) else []
    # Before 2020-12 a list under `items` was what `prefixItems` is now, and `additionalItems` what `items` is.
    rest = fold.raw.get("items")
    rest = fold.raw.get("additionalItems") if isinstance(rest, list) else rest
    if not isinstance(rest, dict | bool | None) or not isinstance(value, dict | bool | list):
        return False
    part = ([fold.schemas.schema(each) for each in prefix], None if rest is None else fold.schemas.schema(rest))
    fold.arrays.append(part)
    return True


def _unevaluated_items(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict | bool):
        return False
    if _is_any(value):
        return True
    if fold.alone:
        fold.rest_of_items = fold.schemas.schema(value)
    else:
        # It sees the items of its own part only, which the folded node no longer tells apart.
        fold.node.demands.append(Demand("unevaluatedItems", (fold.schemas.schema(fold.raw),)))
    return True


def _unevaluated_properties(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict | bool):
        return False
    if _is_any(value):
        return True
    if fold.alone:
        fold.node.unevaluated = fold.schemas.schema(value)
    else:
        # It sees the properties of its own part only, which the folded node no longer tells apart.
        fold.node.demands.append(Demand("unevaluatedProperties", (fold.schemas.schema(fold.raw),)))
    return True


def _contains(fold: Folding, value: Any) -> bool:
    least, most = fold.raw.get("minContains", 1), fold.raw.get("maxContains")
    fold.node.demands.append(Demand("contains", (fold.schemas.schema(value),), (freeze(least), freeze(most))))
    return isinstance(value, dict | bool)


def _not(fold: Folding, value: Any) -> bool:
    if _is_any(value):
        fold.node.types = frozenset()
    else:
        fold.node.demands.append(Demand("not", (fold.schemas.schema(value),)))
    return isinstance(value, dict | bool)


def _if(fold: Folding, value: Any) -> bool:
    branches = [value, fold.raw.get("then", True), fold.raw.get("else", True)]
    if not all(_is_any(branch) for branch in branches[1:]):
        fold.node.demands.append(Demand("if", tuple(fold.schemas.schema(branch) for branch in branches)))
    return all(isinstance(branch, dict | bool) for branch in branches)


def _content_schema(fold: Folding, value: Any) -> bool:
    fold.node.demands.append(Demand("contentSchema", (fold.schemas.schema(value),)))
    return isinstance(value, dict | bool)


def _xml(fold: Folding, value: Any) -> bool:
    fold.node.xml = freeze(value)
    return isinstance(value, dict)


def _discriminator(fold: Folding, value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("propertyName"), str):
        return False
    fold.node.discriminators[fold.schemas.frozen(value)] = value
    return True


def _read_with_another(fold: Folding, value: Any) -> bool:
    """A keyword without an effect of its own; the handler of its companion reads it."""
    return True


_HANDLERS: dict[str, _Handler] = {
    "type": _type,
    "nullable": _nullable,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("lower", exclusive_keyword=False),
    "exclusiveMinimum": _bound("lower", exclusive_keyword=True),
    "maximum": _bound("upper", exclusive_keyword=False),
    "exclusiveMaximum": _bound("upper", exclusive_keyword=True),
    **{
        name: _size(name)
        for name in ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
    },
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "format": _format,
    "contentEncoding": _media("contentEncoding"),
    "contentMediaType": _media("contentMediaType"),
    "contentSchema": _content_schema,
    "uniqueItems": _unique,
    "default": _default,
    "deprecated": _flag("deprecated"),
    "readOnly": _flag("read_only"),
    "writeOnly": _flag("write_only"),
    "x-extensible-enum": _open_enum,
    "required": _required,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "dependencies": _dependent_schemas,
    "properties": _object_keyword,
    "patternProperties": _object_keyword,
    "additionalProperties": _additional,
    "unevaluatedProperties": _unevaluated_properties,
    "propertyNames": _property_names,
    "items": _items,
    "prefixItems": _items,
    "additionalItems": _read_with_another,
    "unevaluatedItems": _unevaluated_items,
    "contains": _contains,
    "minContains": _read_with_another,
    "maxContains": _read_with_another,
    "not": _not,
    "if": _if,
    "then": _read_with_another,
    "else": _read_with_another,
    "xml": _xml,
    "discriminator": _discriminator,
}


def is_frozen(keyword: str, edition: Edition) -> bool:
    """Whether its whole value is compared as a value, which takes time for each part of it."""
    return keyword in _FROZEN or not _is_known(keyword) or _is_later(keyword, edition)


def _is_later(keyword: str, edition: Edition) -> bool:
    return edition == "3.0" and keyword in _LATER


def _is_known(keyword: str) -> bool:
    return keyword in _HANDLERS or keyword in ANNOTATIONS or keyword.startswith("x-")


def read_keyword(fold: Folding, keyword: str, value: Any) -> None:
    """Add one keyword of the part being read to the node."""
    handler = _HANDLERS.get(keyword)
    understood = _is_known(keyword) if handler is None else handler(fold, value)
    if not understood or _is_later(keyword, fold.edition):
        fold.node.opaque.setdefault(keyword, set()).add(freeze(value))
