"""Compares two schemas in one direction.

A request must go on being accepted: the new schema may only be wider. A response must go on being understood: the new
schema may only be narrower; so a new value in an enum of a response breaks readers, unless `x-extensible-enum` told
them to expect more.
"""

from dataclasses import dataclass, field
from typing import Any

from mercato_checks.diff.change import Direction, Report
from mercato_checks.diff.view import LOWER, UPPER, View, view
from mercato_checks.findings import shorten
from mercato_checks.openapi.walk import References

Path = tuple[str | int, ...]
# A narrower format and the wider one that takes all its values.
_WIDER = {"int32": "int64", "float": "double"}


@dataclass(slots=True)
class SchemaComparison:
    """Compares schemas of an old and a new document into a report. Each pair is looked at once a direction."""

    old: References
    new: References
    _done: set[tuple[int, int, str]] = field(default_factory=set)

    def compare(self, old: Any, new: Any, direction: Direction, path: Path, report: Report) -> None:
        """Add the changes from `old` to `new` to the report. Raises `BudgetSpent`."""
        report.step()
        before, after = self.old.follow(old), self.new.follow(new)
        key = (id(before), id(after), direction)
        if key in self._done or (before == after and not _mentions_ref(before)):
            return
        self._done.add(key)
        was, now = view(before, self.old), view(after, self.new)
        _types(was, now, direction, path, report)
        _values(was, now, direction, path, report)
        _bounds(was, now, direction, path, report)
        self._properties(was, now, direction, path, report)
        self._inner(was, now, direction, path, report)
        self._variants(was, now, direction, path, report)

    def _fits(self, old: Any, new: Any, direction: Direction, report: Report) -> bool:
        """Whether nothing breaks between these two."""
        trial = report.trial()
        SchemaComparison(self.old, self.new, set(self._done)).compare(old, new, direction, (), trial)
        return not trial.breaks

    def _properties(self, was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
        hidden = "readOnly" if direction == "request" else "writeOnly"
        for name in sorted(set(was.properties) | set(now.properties)):
            here = (*path, "properties", name)
            before = _visible(was.properties.get(name), hidden, self.old)
            after = _visible(now.properties.get(name), hidden, self.new)
            if before is not None and after is not None:
                self.compare(before, after, direction, here, report)
            elif after is not None:
                report.addition(f"{direction}.property.added", here, f"`{name}` is new.")
            elif before is not None:
                _removed(name, was, now, direction, here, report, still_there=name in now.properties)
            else:
                continue
        _required(was, now, direction, path, report, hidden, self)

    def _inner(self, was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
        if was.items is not None and now.items is not None:
            self.compare(was.items, now.items, direction, (*path, "items"), report)
        elif now.items is not None and direction == "request" and was.types and "array" in was.types:
            report.breaking("request.items.constrained", (*path, "items"), "The items have a schema now.")
        here = (*path, "additionalProperties")
        if direction == "request" and now.additional is False and was.additional is not False:
            if was.types is None or "object" in was.types:
                report.breaking("request.additional.refused", here, "Further fields are refused now.")
        elif isinstance(was.additional, dict) and isinstance(now.additional, dict):
            self.compare(was.additional, now.additional, direction, here, report)

    def _variants(self, was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
        if was.variants and now.variants:
            self._matched_variants(was, now, direction, path, report)
        elif was.variants or now.variants:
            self._one_and_many(was, now, direction, path, report)
        _discriminator(was, now, path, report)

    def _matched_variants(self, was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
        names = {name for name, _ in was.variants if name} & {name for name, _ in now.variants if name}
        olds, news = dict(was.variants), dict(now.variants)
        for name in sorted(names):
            self.compare(olds[name], news[name], direction, path, report)
        lost = [(name, each) for name, each in was.variants if name not in names]
        gained = [(name, each) for name, each in now.variants if name not in names]
        # That another form happens to accept it does not keep a dropped one: only new forms stand in for it.
        asked, offered = (lost, gained) if direction == "request" else (gained, lost)
        for name, each in asked:
            pairs = [(each, other) if direction == "request" else (other, each) for _, other in offered]
            if not any(self._fits(before, after, direction, report) for before, after in pairs):
                what = "is no longer accepted" if direction == "request" else "may come back now"
                report.breaking(f"{direction}.variant", path, f"The form {_called(name)} {what}.")
        rest = gained if direction == "request" else lost
        for name, _ in rest:
            report.addition(f"{direction}.variant.changed", path, f"The form {_called(name)} came or went.")

    def _one_and_many(self, was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
        """One form became several or the other way round: whatever could be sent or come back must still fit."""
        if was.types is None and not was.variants:
            if direction == "request":
                report.breaking("request.variant", path, "Only certain forms are accepted now.")
            return
        many_ask = (direction == "request") == bool(was.variants)
        plain = _plain(now if was.variants else was)
        forms = [each for _, each in was.variants or now.variants]
        fits = [
            self._fits(each, plain, direction, report) if was.variants else self._fits(plain, each, direction, report)
            for each in forms
        ]
        if not (all(fits) if many_ask else any(fits)):
            report.breaking(f"{direction}.variant", path, "The forms described now do not fit those before.")


def _mentions_ref(node: Any) -> bool:
    """Whether equal text may still mean different things: a reference inside it."""
    stack = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if "$ref" in each:
                return True
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return False


def _visible(schema: Any, hidden: str, references: References) -> Any:
    """The property's schema, None where there is none or it does not travel in this direction."""
    if schema is None:
        return None
    followed = references.follow(schema)
    if isinstance(followed, dict) and followed.get(hidden) is True:
        return None
    return {} if followed is None else schema


def _removed(
    name: str, was: View, now: View, direction: Direction, path: Path, report: Report, *, still_there: bool
) -> None:
    if direction == "response":
        report.breaking("response.property.removed", path, f"`{name}` no longer comes back.")
    elif now.additional is False or still_there:
        report.breaking("request.property.refused", path, f"`{name}` is no longer accepted.")
    else:
        report.other("request.property.removed", path, f"`{name}` is no longer described; what is sent is ignored.")


def _required(
    was: View, now: View, direction: Direction, path: Path, report: Report, hidden: str, both: SchemaComparison
) -> None:
    before = {name for name in was.required if _visible(was.properties.get(name, {}), hidden, both.old) is not None}
    after = {name for name in now.required if _visible(now.properties.get(name, {}), hidden, both.new) is not None}
    if direction == "request":
        for name in sorted(after - before):
            schema = both.new.follow(now.properties.get(name))
            if isinstance(schema, dict) and schema.get("default") is not None:
                report.other("request.property.required", (*path, "required"), f"`{name}` has a default.")
            else:
                report.breaking("request.property.required", (*path, "required"), f"`{name}` is required now.")
    else:
        for name in sorted(before - after):
            if name in now.properties and name in was.properties:
                report.breaking("response.property.optional", (*path, "required"), f"`{name}` may be absent now.")


def _types(was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
    wider, narrower = (was, now) if direction == "request" else (now, was)
    asked, accepted = wider.all_types, narrower.all_types
    if accepted is None:
        return
    if asked is None:
        if not wider.variants and (wider.enum is None and not wider.has_const):
            report.breaking(f"{direction}.type", path, f"The type is {_said(now)} now, it was {_said(was)}.")
        return
    if narrower.variants and narrower.types is None:
        return
    extra = asked - accepted - ({"integer"} if "number" in accepted else set())
    if extra:
        report.breaking(f"{direction}.type", path, f"The type is {_said(now)} now, it was {_said(was)}.")


def _said(seen: View) -> str:
    return " or ".join(sorted(seen.all_types or {"anything"}))


def _values(was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
    if now.has_const and (not was.has_const or was.const != now.const):
        if was.has_const or direction == "request":
            report.breaking(f"{direction}.const", path, "The only value allowed is another now.")
    elif was.has_const and direction == "response" and not (now.enum and was.const in now.enum):
        report.breaking("response.const", path, "Other values may come back now.")
    if direction == "request" and was.default is not None and was.default != now.default:
        report.breaking("request.default", path, "A value left out means something else now.")
    if direction == "request" and now.unique and not was.unique:
        report.breaking("request.uniqueItems", path, "Repeated items are refused now.")
    _enum(was, now, direction, path, report)
    _pattern_and_format(was, now, direction, path, report)


def _enum(was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
    if now.enum is None or was.has_const:
        return
    if was.enum is None:
        if direction == "request":
            report.breaking("request.enum.set", path, "Only certain values are accepted now.")
        return
    gone = [value for value in was.enum if value not in now.enum]
    new = [value for value in now.enum if value not in was.enum]
    if gone and direction == "request":
        report.breaking("request.enum.removed", path, f"No longer accepted: {shorten(gone)}.")
    elif gone:
        report.other("response.enum.removed", path, f"No longer comes back: {shorten(gone)}.")
    if new and direction == "response" and not was.open_enum:
        report.breaking("response.enum.added", path, f"New values may come back: {shorten(new)}.")
    elif new:
        report.addition(f"{direction}.enum.added", path, f"New values: {shorten(new)}.")


def _pattern_and_format(was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
    if direction == "request" and now.pattern is not None and was.pattern != now.pattern:
        if was.pattern is None:
            report.breaking("request.pattern.set", path, "Values must match a pattern now.")
        else:
            report.other("request.pattern.changed", path, "The pattern is another; which is wider cannot be told.")
    if was.format is None or now.format is None or was.format == now.format:
        return
    narrow, wide = (was.format, now.format) if direction == "request" else (now.format, was.format)
    if _WIDER.get(narrow) != wide:
        report.breaking(f"{direction}.format", path, f"The format is {now.format} now, it was {was.format}.")


def _bounds(was: View, now: View, direction: Direction, path: Path, report: Report) -> None:
    for keyword in LOWER + UPPER:
        before, after = was.bounds.get(keyword), now.bounds.get(keyword)
        if before == after:
            continue
        sign = 1 if keyword in LOWER else -1
        if direction == "request" and after is not None and (before is None or sign * (after - before) > 0):
            if not (before is None and keyword.startswith("min") and after == 0):
                report.breaking(f"request.{keyword}", path, f"`{keyword}` is {after} now, it was {_shown(before)}.")
        elif direction == "response" and before is not None and (after is None or sign * (after - before) < 0):
            report.breaking(f"response.{keyword}", path, f"`{keyword}` is {_shown(after)} now, it was {before}.")


def _shown(bound: float | None) -> str:
    return "not set" if bound is None else f"{bound:g}"


def _discriminator(was: View, now: View, path: Path, report: Report) -> None:
    before, after = was.discriminator, now.discriminator
    if before is None or after is None:
        if before is not after and was.variants:
            report.breaking("schema.discriminator", path, "What tells the forms apart came or went.")
        return
    if before.get("propertyName") != after.get("propertyName"):
        report.breaking("schema.discriminator", path, "Another property tells the forms apart now.")
    targets, now_targets = before.get("mapping"), after.get("mapping")
    if isinstance(targets, dict) and isinstance(now_targets, dict):
        for value, target in targets.items():
            if now_targets.get(value) != target:
                report.breaking("schema.discriminator", path, f"`{value}` means another form now.")


def _plain(seen: View) -> dict[str, Any]:
    """A schema that says what a view without variants says."""
    plain: dict[str, Any] = (
        {"properties": seen.properties, "required": sorted(seen.required)} if seen.properties else {}
    )
    if seen.all_types:
        plain["type"] = sorted(seen.all_types)
    if seen.enum is not None:
        plain["enum"] = seen.enum
    if seen.items is not None:
        plain["items"] = seen.items
    return plain


def _called(name: str) -> str:
    return f"`{shorten(name.rsplit('/', 1)[-1], 60)}`" if name else "described there"
