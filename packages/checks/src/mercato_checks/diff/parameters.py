"""Judges parameters and headers: who must send them, how they are spelled, and what they may be."""

from dataclasses import dataclass
from typing import Any

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.fields import compare_deprecated, compare_other_fields
from mercato_checks.diff.schemas import SchemaComparison
from mercato_checks.diff.side import Side
from mercato_checks.findings import shorten
from mercato_checks.openapi.walk import OperationAt

_JUDGED = frozenset(
    {
        "name",
        "in",
        "required",
        "deprecated",
        "style",
        "explode",
        "allowReserved",
        "allowEmptyValue",
        "schema",
    }
)
_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
# What is sent without a schema is text.
_TEXT = {"type": "string"}
Parameter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParameterComparison:
    """Compares parameters, and headers, which are parameters without a place of their own."""

    old: Side
    new: Side
    schemas: SchemaComparison

    def compare_all(
        self, old: OperationAt, new: OperationAt, direction: Direction, place: Place, report: Report
    ) -> None:
        """All parameters of an operation. `direction` is `response` where the service sends them."""
        before, after = self.old.parameters(old), self.new.parameters(new)
        report.step(len(before) + len(after))
        here = place.at("parameters")
        for key, parameter in before.items():
            if key in after:
                self.compare(parameter, after[key], direction, here.at(key[1]), report)
            else:
                message = f"The {key[0]} parameter `{shorten(key[1], 60)}` is gone."
                report.breaking("parameter.removed", here, message)
        for key, parameter in after.items():
            if key not in before:
                self._added(f"{key[0]} parameter `{shorten(key[1], 60)}`", parameter, direction, here, report)

    def _added(self, name: str, parameter: Parameter, direction: Direction, place: Place, report: Report) -> None:
        if parameter.get("required") is True and direction == "request":
            report.breaking("parameter.required", place, f"The {name} is new and required.")
        else:
            report.addition("parameter.added", place, f"The {name} is new.")

    def compare(self, old: Parameter, new: Parameter, direction: Direction, place: Place, report: Report) -> None:
        """One parameter, or one header."""
        name = shorten(new.get("name", "the header"), 60)
        where = str(new.get("in", "header"))
        before, after = (where == "path" or side.get("required") is True for side in (old, new))
        if after and not before:
            message = f"`{name}` is required now."
            if direction == "request":
                report.breaking("parameter.required", place, message)
            else:
                report.other("parameter.required.changed", place, message)
        elif before and not after:
            message = f"`{name}` may be absent now."
            if direction == "response":
                report.breaking("parameter.optional", place, message)
            else:
                report.other("parameter.optional.changed", place, message)
        self._spelling(old, new, name, place, report)
        self._value(old, new, direction, place, report)
        compare_deprecated(old, new, place, report)
        compare_other_fields(_leftover(old), _leftover(new), (), place, report)

    def _spelling(self, old: Parameter, new: Parameter, name: str, place: Place, report: Report) -> None:
        before, after = _style(old), _style(new)
        plain = self._is_plain(self.old, old) and self._is_plain(self.new, new)
        if before[0] != after[0] or (before[1] != after[1] and not plain):
            report.breaking("parameter.style", place, f"`{name}` is written in a different way now.")
        for keyword in ("allowReserved", "allowEmptyValue"):
            was, now = old.get(keyword) is True, new.get(keyword) is True
            if was and not now:
                report.breaking(f"parameter.{keyword}", place, f"`{keyword}` no longer holds for `{name}`.")
            elif now and not was:
                report.addition(f"parameter.{keyword}.set", place, f"`{keyword}` holds for `{name}` now.")

    def _is_plain(self, side: Side, parameter: Parameter) -> bool:
        """Whether it is one value, which `explode` leaves as it is."""
        if not isinstance(parameter.get("schema"), dict):
            return "content" not in parameter
        node = side.schemas.node(side.schemas.schema(parameter["schema"]))
        return not node.groups and not node.may_be("array", "object")

    def _value(self, old: Parameter, new: Parameter, direction: Direction, place: Place, report: Report) -> None:
        before, after = _content(self.old, old), _content(self.new, new)
        if before[0] != after[0]:
            report.breaking("parameter.media_type", place, "The value is in a different media type now.")
        self.schemas.compare(before[1], after[1], direction, place, report)


def _style(parameter: Parameter) -> tuple[str, bool]:
    style = str(parameter.get("style", _STYLES.get(str(parameter.get("in", "header")), "simple")))
    return style, bool(parameter.get("explode", style == "form"))


def _leftover(parameter: Parameter) -> Parameter:
    """The fields that are not judged; of `content` what has no effect, and more than the one entry it may have."""
    content = parameter.get("content")
    is_used = isinstance(content, dict) and len(content) == 1 and "schema" not in parameter
    return {
        name: value for name, value in parameter.items() if name not in _JUDGED and (name != "content" or not is_used)
    }


def _content(side: Side, parameter: Parameter) -> tuple[str, Any]:
    """The media type, empty where a schema stands there itself, and the schema."""
    content = parameter.get("content")
    if "schema" in parameter or not isinstance(content, dict) or not content:
        return "", parameter.get("schema", _TEXT)
    media_type, media = next(iter(sorted(content.items())))
    return media_type.lower().replace(" ", ""), side.mapping(media).get("schema", True)
