"""Compares two schemas in one direction.

A request must go on being accepted: the new schema may only be wider. A response must go on being understood: the new
schema may only be narrower; so a new value in an enum of a response breaks readers, unless `x-extensible-enum` warned
them to expect more. The comparison keeps a list of pairs instead of calling itself, so schemas may be as deep as they
like and refer to each other in circles.
"""

from dataclasses import dataclass, field
from typing import Any

from mercato_checks.diff.change import BudgetSpent, Direction, Place, Report
from mercato_checks.diff.folding import meet
from mercato_checks.diff.forms import FormComparison, Trials
from mercato_checks.diff.likeness import Likeness
from mercato_checks.diff.node import ALL_TYPES, Node, Schema
from mercato_checks.diff.objects import Pair, Sides, compare_arrays, compare_objects
from mercato_checks.diff.reader import SchemaReader
from mercato_checks.diff.scalars import Types, compare_scalars, compare_types

_HIDDEN = {"request": "read_only", "response": "write_only", "equal": ""}
_DEEPEST_TRIAL = 25
Key = tuple[Any, Any, str]


@dataclass(slots=True)
class SchemaComparison:
    """Compares schemas of an old and a new document. Each pair is looked at once a direction."""

    old: SchemaReader
    new: SchemaReader
    likeness: Likeness
    _done: set[Key] = field(default_factory=set)
    _proved: set[Key] = field(default_factory=set)
    _failed: set[Key] = field(default_factory=set)
    _assumed: list[set[Key]] = field(default_factory=list)
    _types: dict[tuple[bool, Any], Types] = field(default_factory=dict)

    def compare(self, old: Any, new: Any, direction: Direction, place: Place, report: Report) -> None:
        """Add the changes between two schemas as written to the report. Raises `BudgetSpent`."""
        stack = [Pair(self.old.schema(old), self.new.schema(new), place)]
        while stack:
            pair = stack.pop()
            key = (pair.old.key, pair.new.key, direction)
            if key not in self._done:
                self._done.add(key)
                stack.extend(reversed(self._judge(pair, direction, direction, report)))

    def _judge(self, pair: Pair, direction: Direction, mode: str, report: Report) -> list[Pair]:
        """Report what differs between two nodes themselves; gives the pairs below them."""
        report.step()
        was, now = self.old.node(pair.old), self.new.node(pair.new)
        place = pair.place
        sides = Sides(self.old.node, self.new.node, _HIDDEN[mode])
        trials = Trials(
            lambda old, new: self._trial(old, new, direction, mode, report),
            lambda old, new: self._trial(old, new, "request", "equal", report),
        )
        forms = FormComparison(self.old, self.new, self.likeness, trials, direction, place, report)
        if bool(was.groups) != bool(now.groups):
            forms.compare_one_and_many(pair.old, pair.new, was, now)
            return []
        before, after = self._types_of(pair.old, True), self._types_of(pair.new, False)
        compare_types(before, after, direction, place, report)
        compare_scalars(was, now, direction, place, report)
        pairs = compare_objects(was, now, direction, place, report, sides)
        pairs += compare_arrays(was, now, place, report)
        pairs += forms.compare(pair.old, pair.new, was, now)
        self._unevaluated(was, now, pair, direction, mode, report)
        return pairs

    def _unevaluated(self, was: Node, now: Node, pair: Pair, direction: Direction, mode: str, report: Report) -> None:
        """What `unevaluated…` refuses depends on all that stands beside it, and how is not worked out here."""
        depends = any(
            (node.unevaluated is not None or node.unevaluated_items) and (node.groups or node.demands)
            for node in (was, now)
        )
        if depends and mode != "equal" and not self._trial(pair.old, pair.new, "request", "equal", report):
            message = "What stands beside `unevaluatedProperties` or `unevaluatedItems` has changed."
            report.unclear(f"{direction}.unevaluated", pair.place, message)

    def _trial(self, old: Schema, new: Schema, direction: Direction, mode: str, report: Report) -> bool:
        """Whether nothing breaks between two schemas, or, in the mode `equal`, whether nothing differs.

        Pairs met again while they are being looked at count as fitting, which is right for schemas that refer to
        themselves: only a difference that is found somewhere can make them differ.
        """
        key = (old.key, new.key, mode)
        if key in self._failed:
            return False
        if self._holds(key):
            return True
        if len(self._assumed) >= _DEEPEST_TRIAL:
            raise BudgetSpent
        assumed: set[Key] = set()
        self._assumed.append(assumed)
        try:
            fits = self._walk_trial(Pair(old, new, Place()), direction, mode, report.trial(), assumed)
        finally:
            self._assumed.pop()
        if not fits:
            self._failed.add(key)
        elif self._assumed:
            self._assumed[-1].update(assumed)
        else:
            self._proved.update(assumed)
        return fits

    def _holds(self, key: Key) -> bool:
        # What breaks in a pair that was compared before was reported there; that two schemas are equal was not.
        known = key in self._proved or (key[2] != "equal" and key in self._done)
        return known or any(key in assumed for assumed in self._assumed)

    def _walk_trial(self, first: Pair, direction: Direction, mode: str, report: Report, assumed: set[Key]) -> bool:
        stack = [first]
        while stack:
            pair = stack.pop()
            key = (pair.old.key, pair.new.key, mode)
            if key in self._failed:
                return False
            if self._holds(key):
                continue
            assumed.add(key)
            stack.extend(self._judge(pair, direction, mode, report))
            if report.changes if mode == "equal" else report.breaks:
                # Whatever was taken for granted helped this pair, so it fails on its own.
                self._failed.add(key)
                return False
        return True

    def _types_of(self, schema: Schema, old: bool) -> Types:
        """The types that a schema allows, its forms included."""
        key = (old, schema.key)
        if key in self._types:
            return self._types[key]
        reader = self.old if old else self.new
        node = reader.node(schema)
        types = node.types
        # While a schema that contains itself is looked at, it counts by its own types.
        self._types[key] = types
        for group in node.groups:
            together: frozenset[str] = frozenset()
            for form in group.forms:
                inner = self._types_of(reader.schema(form), old)
                together |= ALL_TYPES if inner is None else inner
            types = meet(types, together - {"integer"} if "number" in together else together)
        self._types[key] = None if types == ALL_TYPES else types
        return self._types[key]
