"""Finds what stands for a schema with a discriminator although the schema does not list it as a form."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mercato_checks.openapi.document import Edition
from mercato_checks.openapi.walk import References

COMPONENT = "#/components/schemas/"


@dataclass
class Subtypes:
    """The subtypes of one document. `follow` gives what a lone `$ref` leads to; `count` takes the steps of the budget
    and raises `BudgetSpent`.
    """

    tree: dict[str, Any]
    edition: Edition
    references: References
    follow: Callable[[Any], Any]
    count: Callable[[int], None]
    _schemas: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        components = self.tree.get("components")
        schemas = components.get("schemas") if isinstance(components, dict) else None
        self._schemas = schemas if isinstance(schemas, dict) else {}

    def of(self, parts: Iterable[Any], *, mapped: bool) -> dict[str, Any]:
        """By name, the components that extend one of these schemas through `allOf`, at any distance, and, if `mapped`,
        those that the `mapping` of its discriminator names.
        """
        found: dict[str, Any] = {}
        for base in self._bases(parts):
            below = self._below.get(id(base), {})
            self.count(1 + len(below))
            found |= below
            if mapped:
                found |= self._mapped(base)
        return found

    @cached_property
    def _below(self) -> dict[int, dict[str, Any]]:
        """By the id of a schema, all components that extend it."""
        found: dict[int, dict[str, Any]] = {}
        for name, raw in self._schemas.items():
            for base in self._up(self._extended(raw), set()):
                if base is not raw:
                    found.setdefault(id(base), {})[name] = raw
        return found

    @cached_property
    def _named(self) -> set[int]:
        return {id(raw) for raw in self._schemas.values()}

    def _bases(self, parts: Iterable[Any]) -> list[dict[str, Any]]:
        """What these schemas are about: a component is itself; anything else is also what it extends. What extends the
        base of a component does not stand for the component.
        """
        return self._up(parts, self._named)

    def _up(self, written: Iterable[Any], ends: set[int]) -> list[dict[str, Any]]:
        """These schemas and what they extend, each once, and nothing above those whose id is in `ends`."""
        found: dict[int, dict[str, Any]] = {}
        stack = list(written)
        while stack:
            self.count(1)
            raw = self.follow(stack.pop())
            if isinstance(raw, dict) and id(raw) not in found:
                found[id(raw)] = raw
                if id(raw) not in ends:
                    stack.extend(self._extended(raw))
        return list(found.values())

    def _extended(self, raw: Any) -> list[Any]:
        if not isinstance(raw, dict):
            return []
        branches, reference = raw.get("allOf"), raw.get("$ref")
        above = list(branches) if isinstance(branches, list) else []
        if isinstance(reference, str) and reference.startswith("#") and len(raw) > 1 and self.edition != "3.0":
            above.append(self.references.find(reference))
        return above

    def _mapped(self, base: dict[str, Any]) -> dict[str, Any]:
        discriminator = base.get("discriminator")
        mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
        targets = mapping.values() if isinstance(mapping, dict) else ()
        self.count(len(targets))
        names = {str(target).removeprefix(COMPONENT) for target in targets}
        return {name: self._schemas[name] for name in sorted(names & self._schemas.keys())}
