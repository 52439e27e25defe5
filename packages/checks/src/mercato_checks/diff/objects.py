"""Judges what two schemas say of an object's properties and an array's items.

What lies deeper is not judged here: it is given back as pairs of schemas to compare.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.node import ANY, Node, Schema

Read = Callable[[Schema], Node]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two schemas that stand for each other, and where."""

    old: Schema
    new: Schema
    place: Place


@dataclass(frozen=True, slots=True)
class Sides:
    """Reads schemas of either document, and knows which properties do not travel.

    `hidden`: `read_only` for requests, `write_only` for responses, empty where the schemas must be equal.
    """

    read_old: Read
    read_new: Read
    hidden: str

    def hides(self, node: Node) -> bool:
        return bool(self.hidden) and bool(getattr(node, self.hidden))


def compare_objects(
    was: Node, now: Node, direction: Direction, place: Place, report: Report, sides: Sides
) -> list[Pair]:
    """Properties, required names and what holds for the others."""
    report.step(len(was.properties) + len(now.properties) + len(was.required) + len(now.required))
    pairs: list[Pair] = []
    for name in sorted(was.properties.keys() | now.properties.keys()):
        pairs += _property(name, was, now, direction, place.at("properties", name), report, sides)
    _required(was, now, direction, place.at("required"), report, sides)
    _dependent(was, now, direction, place.at("dependentRequired"), report)
    pairs += _rest(was, now, direction, place.at("additionalProperties"), report, sides)
    if was.names is not None or now.names is not None:
        pairs.append(Pair(was.names or ANY, now.names or ANY, place.at("propertyNames")))
    here = place.at("patternProperties")
    if was.pattern_properties.keys() != now.pattern_properties.keys():
        message = "The patterns for names of properties have changed."
        report.unclear(f"{direction}.patternProperties", here, message)
    for pattern in sorted(was.pattern_properties.keys() & now.pattern_properties.keys()):
        pairs.append(Pair(was.pattern_properties[pattern], now.pattern_properties[pattern], here.at(pattern)))
    return pairs


def _property(
    name: str, was: Node, now: Node, direction: Direction, place: Place, report: Report, sides: Sides
) -> list[Pair]:
    old, new = was.properties.get(name), now.properties.get(name)
    before = old is not None and not sides.hides(sides.read_old(old))
    after = new is not None and not sides.hides(sides.read_new(new))
    if before and after:
        assert old is not None
        assert new is not None
        return [Pair(old, new, place)]
    if after:
        assert new is not None
        report.addition(f"{direction}.property.added", place, f"`{name}` is new.")
        # Where further properties had a form of their own, this name had it too.
        return (
            [] if old is not None or was.rest is ANY or sides.read_old(was.rest).never else [Pair(was.rest, new, place)]
        )
    if before:
        assert old is not None
        return _removed(name, Pair(old, now.rest, place), direction, report, sides, still_there=new is not None)
    return []


def _removed(
    name: str, pair: Pair, direction: Direction, report: Report, sides: Sides, *, still_there: bool
) -> list[Pair]:
    if direction == "response":
        report.breaking("response.property.removed", pair.place, f"`{name}` is no longer returned.")
    elif still_there or sides.read_new(pair.new).never:
        report.breaking("request.property.refused", pair.place, f"`{name}` is no longer accepted.")
    else:
        message = f"`{name}` is no longer described; it is ignored where it is sent."
        report.other("request.property.removed", pair.place, message)
        return [] if pair.new is ANY else [pair]
    return []


def _required(was: Node, now: Node, direction: Direction, place: Place, report: Report, sides: Sides) -> None:
    before = {name for name in was.required if not sides.hides(sides.read_old(was.properties.get(name, ANY)))}
    after = {name for name in now.required if not sides.hides(sides.read_new(now.properties.get(name, ANY)))}
    for name in sorted(after - before):
        defaults = sides.read_new(now.properties.get(name, ANY)).defaults.keys() - {None}
        if direction == "request" and not defaults:
            report.breaking("request.property.required", place, f"`{name}` is required now.")
        else:
            report.other(f"{direction}.property.required.changed", place, f"`{name}` is required now.")
    for name in sorted(before - after):
        # A property that is gone altogether was reported where it was.
        if direction == "response" and (name in now.properties or name not in was.properties):
            report.breaking("response.property.optional", place, f"`{name}` may be absent now.")
        else:
            report.other(f"{direction}.property.optional.changed", place, f"`{name}` may be absent now.")


def _dependent(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    for name in sorted(was.dependent.keys() | now.dependent.keys()):
        before, after = was.dependent.get(name, set()), now.dependent.get(name, set())
        narrower, wider = after - before, before - after
        if narrower if direction == "request" else wider:
            message = f"What must be there beside `{name}` has changed."
            report.breaking(f"{direction}.dependentRequired", place, message)
        elif narrower or wider:
            message = f"What must be there beside `{name}` has changed."
            report.other(f"{direction}.dependentRequired.changed", place, message)


def _rest(was: Node, now: Node, direction: Direction, place: Place, report: Report, sides: Sides) -> list[Pair]:
    """Properties that are not named. That a closed object opens gives callers more, in either direction."""
    if was.rest is ANY and now.rest is ANY:
        return []
    closed_before, closed_after = sides.read_old(was.rest).never, sides.read_new(now.rest).never
    if closed_before and closed_after:
        return []
    if closed_after and direction == "request":
        report.breaking("request.additional.refused", place, "Further properties are rejected now.")
    elif closed_after:
        report.other("response.additional.closed", place, "No further properties are returned now.")
    elif closed_before:
        report.addition(f"{direction}.additional.opened", place, "There may be further properties now.")
    else:
        return [Pair(was.rest, now.rest, place)]
    return []


def compare_arrays(was: Node, now: Node, place: Place, report: Report) -> list[Pair]:
    """Items, those with a place of their own and the others."""
    longest = max(len(was.prefix), len(now.prefix))
    report.step(longest)
    pairs = [Pair(_item(was, index), _item(now, index), place.at("prefixItems", index)) for index in range(longest)]
    if was.items is not None or now.items is not None:
        pairs.append(Pair(was.items or ANY, now.items or ANY, place.at("items")))
    return pairs


def _item(node: Node, index: int) -> Schema:
    return node.prefix[index] if index < len(node.prefix) else node.items or ANY
