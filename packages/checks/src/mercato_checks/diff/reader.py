"""Folds the schemas of one document into nodes: follows references, joins `allOf`, unwraps what is only `or null`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mercato_checks.diff.change import BudgetSpent
from mercato_checks.diff.folding import Folding, meet
from mercato_checks.diff.keywords import is_frozen, read_keyword
from mercato_checks.diff.node import Group, Node, Schema
from mercato_checks.diff.settle import settle, settle_enum
from mercato_checks.diff.subtypes import Subtypes
from mercato_checks.diff.values import Frozen, freeze, size_of
from mercato_checks.openapi.document import Edition
from mercato_checks.openapi.walk import References, walk

_STRUCTURE = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf", "oneOf", "anyOf"})
_NAMING = frozenset({"$id", "$anchor", "$dynamicAnchor"})
_NULL = {"type": "null"}
_LONGEST_CHAIN = 32
_DEEPEST = 60


@dataclass(frozen=True, slots=True)
class _Step:
    """A part still to be folded."""

    raw: Any
    or_null: bool
    alone: bool


@dataclass(slots=True)
class SchemaReader:
    """Reads the schemas of one document. `count` takes the steps of the budget and raises `BudgetSpent`."""

    tree: dict[str, Any]
    edition: Edition
    references: References
    count: Callable[[int], None]
    _schemas: dict[int, Schema] = field(default_factory=dict)
    _nodes: dict[Any, Node] = field(default_factory=dict)
    _frozen: dict[int, Frozen] = field(default_factory=dict)
    _open: list[Any] = field(default_factory=list)
    _fingerprint: Frozen = None
    _subtypes: Subtypes | None = None

    def schema(self, raw: Any) -> Schema:
        """The schema as written, with references followed where nothing stands beside them."""
        known = self._schemas.get(id(raw))
        if known is None:
            known = self._schemas[id(raw)] = Schema((self._follow(raw),))
        return known

    def _follow(self, raw: Any) -> Any:
        followed = raw
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(followed, dict) or not isinstance(followed.get("$ref"), str):
                return followed
            target = self.references.find(followed["$ref"]) if followed["$ref"].startswith("#") else None
            if target is None or (len(followed) > 1 and self.edition != "3.0"):
                return followed
            followed = target
        return raw

    def frozen(self, raw: Any) -> Frozen:
        """The stand-in for a part of the document as a value, made once: schemas that extend one share what it says."""
        if id(raw) not in self._frozen:
            self.count(size_of(raw))
            self._frozen[id(raw)] = freeze(raw)
        return self._frozen[id(raw)]

    def subtypes_of(self, schema: Schema, node: Node) -> dict[str, Any]:
        """The components that stand for a schema with a discriminator although it does not list them, by name."""
        if not node.discriminators:
            return {}
        if self._subtypes is None:
            self._subtypes = Subtypes(self.tree, self.edition, self.references, self._follow, self.count)
        return self._subtypes.of(schema.parts, mapped=not node.groups)

    def node(self, schema: Schema) -> Node:
        """The schema, folded. Raises `BudgetSpent`."""
        known = self._nodes.get(schema.key)
        if known is None:
            if len(self._open) > _DEEPEST:
                raise BudgetSpent
            self._open.append(schema.key)
            try:
                known = self._nodes[schema.key] = self._fold(schema)
            finally:
                self._open.pop()
        return known

    def _fold(self, schema: Schema) -> Node:
        fold = Folding(self.edition, self)
        alone = len(schema.parts) == 1
        stack = [_Step(part, False, alone) for part in reversed(schema.parts)]
        folded: set[tuple[int, bool]] = set()
        while stack:
            step = stack.pop()
            mark = (id(step.raw), step.or_null)
            # Folding a part twice adds nothing, and a part that contains itself would never end.
            if mark not in folded:
                folded.add(mark)
                stack.extend(reversed(self._part(fold, step, schema.without)))
        node = settle(fold, self.count, joined=not alone)
        self._join_values(node)
        return node

    def _part(self, fold: Folding, step: _Step, without: frozenset[int]) -> list[_Step]:
        """Add one part to the folding; gives the parts that hold together with it."""
        raw = step.raw
        if isinstance(raw, bool):
            if not raw:
                fold.node.types = meet(fold.node.types, frozenset({"null"} if step.or_null else ()))
            return []
        if not isinstance(raw, dict):
            fold.node.opaque.setdefault("schema", set()).add(freeze(raw))
            return []
        self.count(1 + len(raw))
        below = self._referenced(fold, step)
        if "$ref" in raw and self.edition == "3.0":
            # What stands beside a reference is ignored (OpenAPI 3.0.4, 4.7.24).
            return below
        fold.raw, fold.or_null, fold.alone = raw, step.or_null, step.alone
        fold.nullable_shape = fold.nullable_shape or step.or_null
        for keyword, value in raw.items():
            if keyword not in _STRUCTURE:
                # Read anew for each schema that this one is a part of.
                if is_frozen(keyword, self.edition):
                    self.count(size_of(value))
                elif isinstance(value, dict | list):
                    self.count(len(value))
                read_keyword(fold, keyword, value)
        below += self._all_of(fold, step)
        for keyword in ("oneOf", "anyOf"):
            if keyword in raw and id(raw[keyword]) not in without:
                below += self._forms(fold, keyword, step)
        return below

    def _referenced(self, fold: Folding, step: _Step) -> list[_Step]:
        found = []
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword not in step.raw:
                continue
            reference = step.raw[keyword]
            target = None
            if isinstance(reference, str) and reference.startswith("#") and keyword != "$recursiveRef":
                target = self.references.find(reference)
            if target is None:
                fold.node.opaque.setdefault(keyword, set()).add((freeze(reference), self._whole()))
            else:
                only = step.alone and (len(step.raw) == 1 or self.edition == "3.0")
                found.append(_Step(target, step.or_null, only))
        return found

    def _whole(self) -> Frozen:
        """What a reference that cannot be followed may depend on: the whole of a document that names parts itself."""
        if self._fingerprint is None:
            self.count(size_of(self.tree))
            named = any(not part.named and _NAMING & part.node.keys() for part in walk(self.tree))
            places = {name: self.tree.get(name) for name in ("components", "paths", "webhooks")}
            self._fingerprint = hash(freeze(places)) if named else 0
        return self._fingerprint

    def _all_of(self, fold: Folding, step: _Step) -> list[_Step]:
        branches = step.raw.get("allOf", [])
        if not isinstance(branches, list):
            fold.node.opaque.setdefault("allOf", set()).add(freeze(branches))
            return []
        self.count(len(branches))
        only = step.alone and not set(step.raw) - {"allOf", "description", "title"} and len(branches) == 1
        or_null = step.or_null or self._may_be_null(step.raw)
        return [_Step(branch, or_null, only) for branch in branches]

    def _forms(self, fold: Folding, keyword: str, step: _Step) -> list[_Step]:
        """`X or null` is a nullable X; others become a group, also a lone form: it may be what is left of several."""
        written = step.raw[keyword]
        if not isinstance(written, list) or not written:
            fold.node.opaque.setdefault(keyword, set()).add(freeze(written))
            return []
        self.count(len(written))
        kept = [form for form in written if not self._is_null(form)]
        nullable = step.or_null or self._may_be_null(step.raw)
        or_null = nullable or len(kept) < len(written)
        if not kept:
            return [_Step(written[0], step.or_null, False)]
        if len(kept) == 1 and (nullable or len(written) > 1) and self._is_plain(kept[0]):
            return [_Step(kept[0], or_null, False)]
        forms = [*written, _NULL] if nullable and len(kept) == len(written) else written
        fold.node.groups.append(Group(keyword, forms, id(written)))
        return []

    def _may_be_null(self, raw: dict[str, Any]) -> bool:
        """Whether it says so without a type: by the letter of 3.0 that has no effect, but documents mean it."""
        return self.edition == "3.0" and raw.get("nullable") is True and "type" not in raw

    def _is_null(self, form: Any) -> bool:
        raw = self._follow(form)
        if not isinstance(raw, dict):
            return False
        kinds = (raw.get("type") in ("null", ["null"]), raw.get("const", 0) is None, raw.get("enum") == [None])
        return any(kinds)

    def _is_plain(self, form: Any) -> bool:
        """Whether the form's own types and values can also allow null."""
        schema = self.schema(form)
        if schema.key in self._open:
            return False
        node = self.node(schema)
        return not (node.groups or node.demands or node.opaque)

    def _join_values(self, node: Node) -> None:
        """A group whose every form is a list of values is one list of values."""
        for group in list(node.groups):
            values = self._values_of(group)
            if values is None:
                continue
            node.groups.remove(group)
            node.enum = values if node.enum is None else {key: node.enum[key] for key in node.enum if key in values}
            settle_enum(node)

    def _values_of(self, group: Group) -> dict[Frozen, Any] | None:
        joined: dict[Frozen, Any] = {}
        for form in group.forms:
            schema = self.schema(form)
            node = None if schema.key in self._open else self.node(schema)
            if node is None or node.enum is None or node != Node(types=node.types, enum=node.enum):
                return None
            if group.keyword == "oneOf" and joined.keys() & node.enum.keys():
                return None
            joined |= node.enum
        return joined
