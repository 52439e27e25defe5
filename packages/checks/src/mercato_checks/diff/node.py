"""A schema as the comparison sees it: one model for OpenAPI 3.0 and 3.1, references followed and `allOf` folded in."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mercato_checks.diff.values import Frozen

ALL_TYPES = frozenset({"string", "number", "boolean", "array", "object", "null"})


class Schema:
    """Schemas, as written, that hold together: a value must satisfy every part. No parts: anything.

    `without`: the lists of forms (`oneOf`, `anyOf`), by their ids, that do not count. `key` tells schemas apart.
    """

    __slots__ = ("key", "parts", "without")

    def __init__(self, parts: tuple[Any, ...], without: frozenset[int] = frozenset()) -> None:
        unique = {id(part): part for part in parts}
        order = tuple(sorted(unique))
        self.parts = tuple(unique[each] for each in order)
        self.without = without
        self.key = (order, without)

    def and_(self, other: "Schema") -> "Schema":
        return Schema((*self.parts, *other.parts), self.without | other.without)

    def leaving_out(self, groups: "list[Group]") -> "Schema":
        """The same without these lists of forms, wherever they stand in it."""
        return Schema(self.parts, self.without | {group.id for group in groups})


ANY = Schema(())
_ONE_TYPE = {kind: Schema(({"type": kind},)) for kind in (*ALL_TYPES, "integer")}


def of_type(kind: str) -> Schema:
    """The schema of all values of one type; always the same object."""
    return _ONE_TYPE[kind]


@dataclass(slots=True)
class Bound:
    """One end of a range of numbers."""

    value: float
    exclusive: bool


@dataclass(slots=True)
class Group:
    """A `oneOf` or `anyOf`. `forms` as written; `id` is that of the list."""

    keyword: str
    forms: list[Any]
    id: int


@dataclass(slots=True)
class Demand:
    """A keyword that is compared for equality only, with the schemas it holds and its other values."""

    keyword: str
    schemas: tuple[Schema, ...]
    extra: Frozen = None


@dataclass(slots=True)
class Node:
    """One schema, folded. `types` None: any, with `null` where it may be null; absent keywords are None or empty.

    `implied`: the types are not written, they follow from what else is described.
    `opaque` holds keywords that nothing is known about, and known ones with a value they cannot have.
    """

    types: frozenset[str] | None = None
    implied: bool = False
    enum: dict[Frozen, Any] | None = None
    lower: Bound | None = None
    upper: Bound | None = None
    sizes: dict[str, float] = field(default_factory=dict)
    multiples: set[Fraction] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    media: dict[str, str] = field(default_factory=dict)
    unique: bool = False
    defaults: dict[Frozen, Any] = field(default_factory=dict)
    open_enum: bool = False
    properties: dict[str, Schema] = field(default_factory=dict)
    pattern_properties: dict[str, Schema] = field(default_factory=dict)
    additional: Schema | None = None
    unevaluated: Schema | None = None
    names: Schema | None = None
    required: set[str] = field(default_factory=set)
    dependent: dict[str, set[str]] = field(default_factory=dict)
    prefix: list[Schema] = field(default_factory=list)
    items: Schema | None = None
    groups: list[Group] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    discriminators: dict[Frozen, dict[str, Any]] = field(default_factory=dict)
    read_only: bool = False
    write_only: bool = False
    deprecated: bool = False
    xml: Frozen = None
    opaque: dict[str, set[Frozen]] = field(default_factory=dict)

    def may_be(self, *kinds: str) -> bool:
        """Whether values of one of these types may satisfy it, by its own `type`."""
        return self.types is None or not self.types.isdisjoint(kinds)

    @property
    def never(self) -> bool:
        return self.types is not None and not self.types

    @property
    def rest(self) -> Schema:
        """What properties without a description of their own must satisfy."""
        return self.additional or self.unevaluated or ANY
