"""Numbers for schemas, by which the forms and demands of two documents are paired without comparing each with each.

Equal schemas get equal numbers, however they are written. Different ones may share a number where they differ only
some levels down, so what is paired by number is compared all the same.
"""

from collections.abc import Callable
from typing import Any

from mercato_checks.diff.node import Bound, Node, Schema
from mercato_checks.diff.values import Frozen

LEVELS = 5
Read = Callable[[Schema], Node]


class Likeness:
    """Numbers the schemas of both documents from one table."""

    def __init__(self, count: Callable[[int], None]) -> None:
        self._count = count
        self._numbers: dict[Frozen, int] = {}
        self._known: dict[tuple[bool, Any, int], int] = {}

    def number(self, schema: Schema, read: Read, forms: Callable[[Any], Schema], *, old: bool, levels: int) -> int:
        """The number of a schema of the old or the new document, looking `levels` levels down. Raises `BudgetSpent`."""
        key = (old, schema.key, levels)
        known = self._known.get(key)
        if known is None:
            node = read(schema)

            def below(inner: Schema) -> int:
                if levels == 0:
                    return 0
                return self.number(inner, read, forms, old=old, levels=levels - 1)

            shape = (_local(node), _children(node, below, forms))
            self._count(1 + len(node.properties))
            known = self._known[key] = self._numbers.setdefault(shape, len(self._numbers) + 1)
        return known


def _local(node: Node) -> Frozen:
    return (
        node.types,
        None if node.enum is None else frozenset(node.enum),
        _bound(node.lower),
        _bound(node.upper),
        frozenset(node.sizes.items()),
        frozenset(node.multiples),
        frozenset(node.patterns),
        frozenset(node.formats),
        frozenset(node.media.items()),
        (node.unique, node.open_enum, node.read_only, node.write_only, node.deprecated, node.implied, node.xml),
        frozenset(node.defaults),
        frozenset(node.discriminators),
        frozenset(node.required),
        frozenset((name, frozenset(names)) for name, names in node.dependent.items()),
        frozenset((keyword, frozenset(values)) for keyword, values in node.opaque.items()),
    )


def _bound(bound: Bound | None) -> Frozen:
    return None if bound is None else (bound.value, bound.exclusive)


def _children(node: Node, below: Callable[[Schema], int], forms: Callable[[Any], Schema]) -> Frozen:
    return (
        frozenset((name, below(schema)) for name, schema in node.properties.items()),
        frozenset((pattern, below(schema)) for pattern, schema in node.pattern_properties.items()),
        below(node.rest),
        None if node.names is None else below(node.names),
        tuple(below(schema) for schema in node.prefix),
        None if node.items is None else below(node.items),
        frozenset((group.keyword, frozenset(below(forms(form)) for form in group.forms)) for group in node.groups),
        frozenset(
            (demand.keyword, demand.extra, tuple(below(each) for each in demand.schemas)) for demand in node.demands
        ),
    )
