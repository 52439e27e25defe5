"""A schema as the comparison sees it: references followed, `allOf` folded in, 3.0 and 3.1 in the same words."""

from dataclasses import dataclass, field
from typing import Any

from mercato_checks.openapi.walk import References

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_MOST_PARTS = 200
_MOST_VARIANTS = 40


@dataclass(slots=True)
class View:
    """One schema. `types` None: any; `variants` with the names they are matched by; absent keywords are None."""

    types: set[str] | None = None
    nullable: bool = False
    enum: list[Any] | None = None
    const: Any = None
    has_const: bool = False
    bounds: dict[str, float] = field(default_factory=dict)
    pattern: str | None = None
    format: str | None = None
    default: Any = None
    unique: bool = False
    open_enum: bool = False
    properties: dict[str, Any] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    additional: Any = None
    items: Any = None
    variants: list[tuple[str, Any]] = field(default_factory=list)
    discriminator: dict[str, Any] | None = None

    @property
    def all_types(self) -> set[str] | None:
        """With `null` where it may be null."""
        if self.types is None:
            return None
        return self.types | {"null"} if self.nullable else set(self.types)


def view(schema: Any, references: References) -> View:
    """The view of a schema; of `true`, a dead reference or nonsense, that of anything."""
    seen = View()
    _fold(schema, references, seen, set())
    return seen


def _fold(written: Any, references: References, into: View, folded: set[int]) -> None:
    schema = references.follow(written)
    # Folding a part twice adds nothing, and a part that contains itself would never end.
    if not isinstance(schema, dict) or id(schema) in folded or len(folded) >= _MOST_PARTS:
        return
    folded.add(id(schema))
    for branch in _list(schema.get("allOf")):
        _fold(branch, references, into, folded)
    _fold_types(schema, into)
    _fold_values(schema, into)
    _fold_shape(schema, into)
    for keyword in ("oneOf", "anyOf"):
        _fold_variants(_list(schema.get(keyword)), references, into, folded)


def _fold_types(schema: dict[str, Any], into: View) -> None:
    kinds = schema.get("type")
    types = {kinds} if isinstance(kinds, str) else {each for each in _list(kinds) if isinstance(each, str)}
    if "null" in types:
        into.nullable = True
        types = types - {"null"}
    if schema.get("nullable") is True:
        into.nullable = True
    if not types and "properties" in schema:
        types = {"object"}
    if types:
        into.types = types if into.types is None else (into.types & types or types)


def _fold_values(schema: dict[str, Any], into: View) -> None:
    if isinstance(schema.get("enum"), list):
        into.enum = schema["enum"]
    if "const" in schema:
        into.const, into.has_const = schema["const"], True
    into.default = schema.get("default", into.default)
    into.unique = into.unique or schema.get("uniqueItems") is True
    into.open_enum = into.open_enum or "x-extensible-enum" in schema
    for keyword in LOWER + UPPER:
        value = schema.get(keyword)
        if isinstance(value, int | float) and not isinstance(value, bool):
            into.bounds[keyword] = value
    # An empty pattern matches everything.
    into.pattern = schema["pattern"] if isinstance(schema.get("pattern"), str) and schema["pattern"] else into.pattern
    into.format = schema["format"] if isinstance(schema.get("format"), str) else into.format


def _fold_shape(schema: dict[str, Any], into: View) -> None:
    if isinstance(schema.get("properties"), dict):
        into.properties |= schema["properties"]
    into.required |= {each for each in _list(schema.get("required")) if isinstance(each, str)}
    if "additionalProperties" in schema:
        into.additional = schema["additionalProperties"]
    if "items" in schema:
        into.items = schema["items"]
    if isinstance(schema.get("discriminator"), dict):
        into.discriminator = schema["discriminator"]


def _fold_variants(variants: list[Any], references: References, into: View, folded: set[int]) -> None:
    kept = [each for each in variants if not _is_null(references.follow(each))]
    if len(kept) < len(variants):
        into.nullable = True
    # `X or null` is a nullable X; a lone form stays a form, for it may be what is left of several.
    if len(kept) == 1 and len(variants) == 2:
        _fold(kept[0], references, into, folded)
    elif kept:
        into.variants += [(_name(each), each) for each in kept[:_MOST_VARIANTS]]


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("null", ["null"])


def _name(variant: Any) -> str:
    if not isinstance(variant, dict):
        return ""
    name = variant.get("$ref") or variant.get("title")
    return name if isinstance(name, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
