"""The intermediate state of a node while the parts of its schema are read."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from mercato_checks.diff.node import Node, Schema
from mercato_checks.diff.values import Frozen
from mercato_checks.openapi.document import Edition


class Schemas(Protocol):
    """Makes schemas of what the document has."""

    def schema(self, raw: Any) -> Schema:
        """The schema as written, with references followed where nothing stands beside them."""
        ...

    def frozen(self, raw: Any) -> Frozen:
        """The stand-in for a part of the document as a value."""
        ...


@dataclass(slots=True)
class ObjectPart:
    """What one schema of several says about an object's properties; `additional` concerns those it does not name."""

    raw: dict[str, Any]
    properties: dict[str, Any]
    patterns: dict[str, Any]
    additional: Schema | None


@dataclass(slots=True)
class Folding:
    """A node in the making. `raw` is the part being read; `or_null`: null is allowed beside what it says.

    `nullable_shape`: some part was so. `add_null`: null is allowed whatever the parts say.
    `alone`: it sees all that the whole node describes, as `unevaluatedProperties` needs.
    `rest_of_items`: what `unevaluatedItems` asks of items that nothing else concerns.
    """

    edition: Edition
    schemas: Schemas
    node: Node = field(default_factory=Node)
    raw: dict[str, Any] = field(default_factory=dict)
    or_null: bool = False
    alone: bool = True
    add_null: bool = False
    nullable_shape: bool = False
    rest_of_items: Schema | None = None
    objects: list[ObjectPart] = field(default_factory=list)
    arrays: list[tuple[list[Schema], Schema | None]] = field(default_factory=list)


def meet(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    """The types that both allow; an integer is a number."""
    if first is None or second is None:
        return second if first is None else first
    both = first & second
    if "number" in first and "integer" in second:
        both |= {"integer"}
    if "number" in second and "integer" in first:
        both |= {"integer"}
    return both - {"integer"} if "number" in both else both
