"""Judges `oneOf` and `anyOf`, discriminators, and the keywords that are compared for equality only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.likeness import LEVELS, Likeness
from mercato_checks.diff.node import ALL_TYPES, Demand, Group, Node, Schema, of_type
from mercato_checks.diff.objects import Pair
from mercato_checks.diff.pairing import pair_up
from mercato_checks.diff.reader import SchemaReader
from mercato_checks.diff.subtypes import COMPONENT
from mercato_checks.diff.values import Frozen, freeze
from mercato_checks.findings import shorten

_MOST_TRIALS = 1_600
_COMPOSITE = frozenset({"object", "array"})
_JUDGED = frozenset({"propertyName", "mapping"})


@dataclass(frozen=True, slots=True)
class Trials:
    """What the judge of forms asks about two schemas.

    `fits`: whether nothing breaks from the old to the new one. `same`: whether they are equal.
    """

    fits: Callable[[Schema, Schema], bool]
    same: Callable[[Schema, Schema], bool]


@dataclass(slots=True)
class FormComparison:
    """Compares the forms of one pair of nodes in one direction."""

    old: SchemaReader
    new: SchemaReader
    likeness: Likeness
    trials: Trials
    direction: Direction
    place: Place
    report: Report

    def compare(self, old: Schema, new: Schema, was: Node, now: Node) -> list[Pair]:
        """Judge groups, discriminators and demands; gives the pairs of forms to compare."""
        pairs = [*self._groups(was, now), *self._subtypes(old, new, was, now)]
        self._discriminators(was, now)
        self._demands(was, now)
        return pairs

    def _groups(self, was: Node, now: Node) -> list[Pair]:
        matched, lost, gained = pair_up(was.groups, now.groups, self._group_key, [])
        if len(lost) == 1 and len(gained) == 1:
            matched, lost, gained = [*matched, (lost[0], gained[0])], [], []
        if gained:
            self._narrowed(f"`{gained[0].keyword}` requires more now.", narrower=True)
        if lost:
            self._narrowed(f"`{lost[0].keyword}` requires less now.", narrower=False)
        return [pair for before, after in matched for pair in self._matched(before, after)]

    def _narrowed(self, message: str, *, narrower: bool) -> None:
        if narrower == (self.direction == "request"):
            self.report.breaking(f"{self.direction}.variant", self.place, message)
        else:
            self.report.other(f"{self.direction}.variant.changed", self.place, message)

    def _form(self, raw: Any, old: bool) -> Schema:
        return (self.old if old else self.new).schema(raw)

    def _number(self, schema: Schema, old: bool, levels: int = LEVELS) -> int:
        reader = self.old if old else self.new
        return self.likeness.number(schema, reader.node, reader.schema, old=old, levels=levels)

    def _group_key(self, group: Group, old: bool) -> Any:
        return group.keyword, frozenset(self._number(self._form(form, old), old) for form in group.forms)

    def _matched(self, before: Group, after: Group) -> list[Pair]:
        self.report.step(len(before.forms) + len(after.forms))
        if before.keyword != after.keyword:
            self._exclusive(before, after)
        pairs, lost, gained = pair_up(
            before.forms,
            after.forms,
            lambda form, old: self._number(self._form(form, old), old),
            [lambda form, old: _name(form), lambda form, old: self._number(self._form(form, old), old, 0)],
        )
        if len(lost) == 1 and len(gained) == 1:
            first, second = self._form(lost[0], True), self._form(gained[0], False)
            if self.trials.fits(first, second):
                pairs, lost, gained = [*pairs, (lost[0], gained[0])], [], []
        self._unmatched(lost, gained)
        if before.keyword == after.keyword == "oneOf":
            if self.direction == "request":
                self._overlapping(pairs, gained)
            self._changed_overlap(pairs)
        return [Pair(self._form(old, True), self._form(new, False), self.place) for old, new in pairs]

    def _exclusive(self, before: Group, after: Group) -> None:
        """`oneOf` refuses what fits two forms; where no value can, it means the same as `anyOf`."""
        disjoint = self._are_disjoint(before, True) and self._are_disjoint(after, False)
        if disjoint:
            return
        message = f"`{before.keyword}` has become `{after.keyword}`."
        if (after.keyword == "oneOf") == (self.direction == "request"):
            self.report.unclear(f"{self.direction}.variant.exclusive", self.place, message)
        else:
            self.report.other(f"{self.direction}.variant.exclusive", self.place, message)

    def _are_disjoint(self, group: Group, old: bool) -> bool:
        forms = [(self.old if old else self.new).node(self._form(form, old)) for form in group.forms]
        self.report.step(len(forms))
        seen: set[str] = set()
        for node in forms:
            kinds = kinds_of(node)
            if kinds & seen:
                return False
            seen |= kinds
        return True

    def _overlapping(self, pairs: list[tuple[Any, Any]], gained: list[Any]) -> None:
        """`oneOf` refuses what fits a form and a further one. Of objects and arrays authors mean one of the two."""
        older = [self.new.node(self._form(new, False)) for _, new in pairs]
        self.report.step(len(older) * len(gained))
        for form in gained:
            wide = self.new.node(self._form(form, False))
            for (old, _), narrow in zip(pairs, older, strict=True):
                if not may_overlap(wide, narrow):
                    continue
                message = f"The form {_called(form)} is new, and overlaps with {_called(old)}."
                if self.trials.fits(self._form(old, True), self._form(form, False)):
                    self.report.breaking("request.variant.overlap", self.place, message)
                else:
                    self.report.unclear("request.variant.overlap", self.place, message)
                return

    def _changed_overlap(self, pairs: list[tuple[Any, Any]]) -> None:
        """A form that grows into another one takes from `oneOf` what fits both; one that shrinks gives it back."""
        request = self.direction == "request"
        reader = self.new if request else self.old
        schemas = [(self._form(old, True), self._form(new, False)) for old, new in pairs]
        nodes = [reader.node(new if request else old) for old, new in schemas]
        for index, (old, new) in enumerate(schemas):
            if self._number(old, True) == self._number(new, False):
                continue
            self.report.step(len(nodes))
            if any(may_overlap(nodes[index], other) for place, other in enumerate(nodes) if place != index):
                message = f"The form {_called(pairs[index][1])} has changed, and overlaps with another one."
                self.report.unclear(f"{self.direction}.variant.overlap", self.place, message)
                return

    def _unmatched(self, lost: list[Any], gained: list[Any]) -> None:
        # That another form happens to accept it does not keep a dropped one: only new forms stand in for it.
        request = self.direction == "request"
        asked, offered = (lost, gained) if request else (gained, lost)
        if len(asked) * len(offered) > _MOST_TRIALS:
            # Comparing all pairs would take quadratic time.
            message = f"{len(asked)} forms were added or removed beside {len(offered)} others: too many to compare."
            self.report.unclear(f"{self.direction}.variant.many", self.place, message)
            return
        for form in asked:
            pairs = [(form, other) if request else (other, form) for other in offered]
            if not any(self.trials.fits(self._form(old, True), self._form(new, False)) for old, new in pairs):
                what = "is no longer accepted" if request else "may be returned now"
                self.report.breaking(f"{self.direction}.variant", self.place, f"The form {_called(form)} {what}.")
        for form in gained if request else lost:
            message = f"The form {_called(form)} was added or removed."
            self.report.addition(f"{self.direction}.variant.changed", self.place, message)

    def compare_one_and_many(self, old: Schema, new: Schema, was: Node, now: Node) -> None:
        """One form became several or the other way round: whatever could be sent or returned must still fit."""
        many_old = bool(was.groups)
        group_many, reader = (was, self.old) if many_old else (now, self.new)
        many, one = (old, new) if many_old else (new, old)
        one_node = now if many_old else was
        kinds = one_node.types
        by_type = [one.and_(of_type(kind)) for kind in sorted(kinds)] if kinds and len(kinds) > 1 else [one]
        # A form that extends the very schema it is a form of would bring the same lists again.
        rest = many.leaving_out(group_many.groups)
        every_form_fits = (self.direction == "request") == many_old
        if self._lone_form_is(many, one, group_many, many_old):
            return
        for group in group_many.groups:
            forms = [rest.and_(reader.schema(form)) for form in group.forms]
            if every_form_fits:
                fits = all(self._fits_one(form, one, many_old) for form in forms)
            else:
                fits = all(any(self._fits_one(form, each, many_old) for form in forms) for each in by_type)
            if not fits:
                message = "The forms described now do not fit those before."
                self.report.breaking(f"{self.direction}.variant", self.place, message)
                return
            if group.keyword == "oneOf" and not every_form_fits:
                self._split(one_node, [reader.node(form) for form in forms])
        message = "One form is written as several, or several as one."
        self.report.addition(f"{self.direction}.variant.rewritten", self.place, message)

    def _split(self, one: Node, forms: list[Node]) -> None:
        """`oneOf` refuses what fits two of its forms. Of objects and arrays authors mean the one or the other."""
        for kind in sorted(kinds_of(one) - _COMPOSITE):
            if sum(kind in kinds_of(node) for node in forms) > 1:
                message = f"Values of the type {kind} may fit two of the forms of `oneOf`."
                self.report.unclear(f"{self.direction}.variant.overlap", self.place, message)

    def _lone_form_is(self, many: Schema, one: Schema, node: Node, many_old: bool) -> bool:
        """Whether the several are one that is written as a list, and that one has not changed."""
        if any(len(group.forms) > 1 for group in node.groups):
            return False
        reader, whole = self.old if many_old else self.new, many.leaving_out(node.groups)
        for group in node.groups:
            whole = whole.and_(reader.schema(group.forms[0]))
        return self.trials.same(whole, one) if many_old else self.trials.same(one, whole)

    def _fits_one(self, form: Schema, one: Schema, many_old: bool) -> bool:
        return self.trials.fits(form, one) if many_old else self.trials.fits(one, form)

    def _subtypes(self, old: Schema, new: Schema, was: Node, now: Node) -> list[Pair]:
        """Schemas that stand for one with a discriminator: its forms, although it does not list them."""
        before, after = self.old.subtypes_of(old, was), self.new.subtypes_of(new, now)
        for name in sorted(before.keys() ^ after.keys()):
            self.report.step()
            gone = name in before
            what = "is no longer a form" if gone else "is a new form"
            if gone == (self.direction == "request"):
                self.report.breaking(f"{self.direction}.variant", self.place, f"`{shorten(name, 60)}` {what}.")
            else:
                message = f"`{shorten(name, 60)}` {what}."
                self.report.addition(f"{self.direction}.variant.changed", self.place, message)
        both = sorted(before.keys() & after.keys())
        return [Pair(self._form(before[name], True), self._form(after[name], False), self.place) for name in both]

    def _discriminators(self, was: Node, now: Node) -> None:
        if was.discriminators.keys() == now.discriminators.keys():
            return
        before, after = _mapping(was), _mapping(now)
        self.report.step(len(before[1]) + len(after[1]))
        if _other_fields(was) != _other_fields(now):
            message = "What tells the forms apart has changed in a way that is not understood."
            self.report.unclear("schema.discriminator.not_understood", self.place, message)
        if before[0] != after[0]:
            if not was.discriminators and not was.groups:
                self.report.other("schema.discriminator.added", self.place, "A property tells forms apart now.")
            else:
                message = "The property that tells the forms apart is a different one, or was added or removed."
                self.report.breaking("schema.discriminator", self.place, message)
            return
        for value, target in before[1].items():
            if after[1].get(value) != target:
                message = f"`{shorten(value, 40)}` means a different form now."
                self.report.breaking("schema.discriminator", self.place, message)
        if after[1].keys() - before[1].keys():
            self.report.addition("schema.discriminator.added", self.place, "More forms have a name now.")

    def _demands(self, was: Node, now: Node) -> None:
        pairs, lost, gained = pair_up(was.demands, now.demands, self._demand_key, [])
        for before, after in pairs:
            if not all(self.trials.same(*each) for each in zip(before.schemas, after.schemas, strict=True)):
                lost.append(before)
                gained.append(after)
        both = {demand.keyword for demand in lost} & {demand.keyword for demand in gained}
        for keyword in sorted(both):
            message = f"`{keyword}` has changed; it is unknown which is wider."
            self.report.unclear(f"{self.direction}.{keyword}.changed", self.place.at(keyword), message)
        for demand in gained:
            if demand.keyword not in both:
                self._demand(demand.keyword, narrower=True)
        for demand in lost:
            if demand.keyword not in both:
                self._demand(demand.keyword, narrower=False)

    def _demand_key(self, demand: Demand, old: bool) -> Any:
        return demand.keyword, demand.extra, tuple(self._number(each, old) for each in demand.schemas)

    def _demand(self, keyword: str, *, narrower: bool) -> None:
        message = f"`{keyword}` is new." if narrower else f"`{keyword}` is gone."
        if narrower == (self.direction == "request"):
            self.report.breaking(f"{self.direction}.{keyword}", self.place.at(keyword), message)
        else:
            self.report.other(f"{self.direction}.{keyword}.changed", self.place.at(keyword), message)


def _mapping(node: Node) -> tuple[str, dict[str, str]]:
    """The property that tells the forms apart, and which value means which form; a form's own name always does."""
    names = [name.removeprefix(COMPONENT) for group in node.groups for name in map(_name, group.forms) if name]
    mapping = {name: name for name in names}
    properties = []
    for discriminator in node.discriminators.values():
        properties.append(discriminator["propertyName"])
        written = discriminator.get("mapping")
        for value, target in written.items() if isinstance(written, dict) else ():
            mapping[value] = str(target).removeprefix(COMPONENT)
    return " ".join(sorted(properties)), mapping


def _other_fields(node: Node) -> Frozen:
    """What a discriminator says beside its property and mapping."""
    return {
        freeze({name: value for name, value in discriminator.items() if name not in _JUDGED and name[:2] != "x-"})
        for discriminator in node.discriminators.values()
    } - {freeze({})}


def kinds_of(node: Node) -> set[str]:
    """Its types, each number an integer as well."""
    types = ALL_TYPES if node.types is None else node.types
    return set(types) | ({"integer"} if "number" in types else set())


def may_overlap(first: Node, second: Node) -> bool:
    """Whether a value that is neither object nor array may fit both."""
    if first.enum is not None and second.enum is not None:
        return not first.enum.keys().isdisjoint(second.enum)
    return bool((kinds_of(first) & kinds_of(second)) - _COMPOSITE)


def _name(form: Any) -> str | None:
    if not isinstance(form, dict):
        return None
    name = form.get("$ref") or form.get("title")
    return name if isinstance(name, str) else None


def _called(form: Any) -> str:
    name = _name(form)
    return f"`{shorten(name.rsplit('/', 1)[-1], 60)}`" if name else "described there"
