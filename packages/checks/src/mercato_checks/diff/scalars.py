"""Judges what two schemas say of a value itself: its type, its values, its bounds and its spelling.

Every difference is reported, also the harmless ones, because a comparison without a report stands for equality.
"""

from fractions import Fraction

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.node import ALL_TYPES, Bound, Node
from mercato_checks.findings import shorten

_LOWER_SIZES = ("minLength", "minItems", "minProperties")
_SIZES = (*_LOWER_SIZES, "maxLength", "maxItems", "maxProperties")
# A narrower format and the wider one that takes all its values.
_WIDER = {"int32": "int64", "float": "double"}
_FLAGS = {"read_only": "readOnly", "write_only": "writeOnly"}
Types = frozenset[str] | None


def compare_scalars(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    """Everything but the types, which depend on the forms as well."""
    report.step(len(was.enum or ()) + len(now.enum or ()))
    _enum(was, now, direction, place, report)
    _range("minimum", was.lower, now.lower, direction, place, report)
    _range("maximum", was.upper, now.upper, direction, place, report)
    for keyword in _SIZES:
        _size(keyword, was.sizes.get(keyword), now.sizes.get(keyword), direction, place, report)
    _multiples(was, now, direction, place, report)
    _patterns(was, now, direction, place, report)
    _formats(was, now, direction, place, report)
    _default(was, now, direction, place, report)
    _switches(was, now, direction, place, report)
    _implied_types(was, now, direction, place, report)
    _opaque(was, now, direction, place, report)


def _narrowed(rule: str, narrower: bool, direction: Direction, place: Place, report: Report, message: str) -> None:
    """A request may not become narrower, a response not wider."""
    if narrower == (direction == "request"):
        report.breaking(f"{direction}.{rule}", place, message)
    else:
        report.other(f"{direction}.{rule}.{'narrowed' if narrower else 'relaxed'}", place, message)


def compare_types(was: Types, now: Types, direction: Direction, place: Place, report: Report) -> None:
    """The types that values may have, those of all forms together."""
    if was == now:
        return
    wider, narrower = (was, now) if direction == "request" else (now, was)
    extra = (ALL_TYPES if wider is None else wider) - (ALL_TYPES if narrower is None else narrower)
    if narrower is None or "number" in narrower:
        extra -= {"integer"}
    message = f"The type is {_types_text(now)} now, it was {_types_text(was)}."
    if extra:
        report.breaking(f"{direction}.type", place, message)
    else:
        report.other(f"{direction}.type.changed", place, message)


def _implied_types(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    """That an object or array is meant is clear from its properties or items; that it no longer is would be odd."""
    if was.types != now.types or was.implied == now.implied:
        return
    if now.implied and direction == "response":
        report.unclear("response.type.unwritten", place, "The type is no longer written, so anything may be returned.")
    else:
        report.other(f"{direction}.type.written", place, "Whether the type is written has changed.")


def _types_text(types: Types) -> str:
    return "anything" if types is None else " or ".join(sorted(types)) or "nothing"


def _enum(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if was.enum is None or now.enum is None:
        _enum_came_or_went(was, now, direction, place, report)
        return
    gone = [value for key, value in was.enum.items() if key not in now.enum]
    new = [value for key, value in now.enum.items() if key not in was.enum]
    if gone and direction == "request":
        report.breaking("request.enum.removed", place, f"No longer accepted: {shorten(gone)}.")
    elif gone:
        report.other("response.enum.removed", place, f"No longer returned: {shorten(gone)}.")
    if new and direction == "response" and not was.open_enum:
        report.breaking("response.enum.added", place, f"New values may be returned: {shorten(new)}.")
    elif new:
        report.addition(f"{direction}.enum.added", place, f"New values: {shorten(new)}.")


def _enum_came_or_went(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if now.enum is not None and direction == "request":
        report.breaking("request.enum.set", place, "Only certain values are accepted now.")
    elif now.enum is not None:
        report.other("response.enum.set", place, "Only certain values are returned now.")
    elif was.enum is not None and direction == "response" and not was.open_enum:
        report.breaking("response.enum.dropped", place, "Any value may be returned now.")
    elif was.enum is not None:
        report.addition(f"{direction}.enum.dropped", place, "The list of values is no longer closed.")


def _range(
    keyword: str, was: Bound | None, now: Bound | None, direction: Direction, place: Place, report: Report
) -> None:
    if was == now:
        return
    sign = 1 if keyword == "minimum" else -1
    if was is None or now is None:
        narrower = was is None
    else:
        narrower = (sign * now.value, now.exclusive) > (sign * was.value, was.exclusive)
    message = f"`{keyword}` is {_bound_text(now)} now, it was {_bound_text(was)}."
    _narrowed(keyword, narrower, direction, place, report, message)


def _bound_text(bound: Bound | None) -> str:
    if bound is None:
        return "not set"
    return f"{shorten(bound.value, 30)}{' (exclusive)' if bound.exclusive else ''}"


def _size(
    keyword: str, was: float | None, now: float | None, direction: Direction, place: Place, report: Report
) -> None:
    if was == now:
        return
    narrower = was is None if was is None or now is None else (now > was) == (keyword in _LOWER_SIZES)
    texts = ["not set" if size is None else shorten(size, 30) for size in (now, was)]
    message = f"`{keyword}` is {texts[0]} now, it was {texts[1]}."
    _narrowed(keyword, narrower, direction, place, report, message)


def _multiples(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if was.multiples == now.multiples:
        return
    message = f"`multipleOf` is {_multiples_text(now.multiples)} now, it was {_multiples_text(was.multiples)}."
    stays_narrow, stays_wide = _implied(was.multiples, now.multiples), _implied(now.multiples, was.multiples)
    if stays_narrow or stays_wide:
        _narrowed("multipleOf", not stays_narrow, direction, place, report, message)
    else:
        report.breaking(f"{direction}.multipleOf", place, message)


def _implied(given: set[Fraction], asked: set[Fraction]) -> bool:
    """Whether numbers that keep all of `given` keep all of `asked`."""
    return all(any((have / want).denominator == 1 for have in given) for want in asked)


def _multiples_text(multiples: set[Fraction]) -> str:
    return shorten(" and ".join(str(each) for each in sorted(multiples)), 60) or "not set"


def _patterns(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    gone, new = was.patterns - now.patterns, now.patterns - was.patterns
    if gone and new:
        report.unclear(f"{direction}.pattern.changed", place, "The pattern has changed; it is unknown which is wider.")
    elif new:
        _narrowed("pattern.set", True, direction, place, report, "Values must match a pattern now.")
    elif gone and direction == "response":
        message = "What is returned need not match the pattern any longer; it is unknown whether clients rely on it."
        report.unclear("response.pattern.removed", place, message)
    elif gone:
        report.other("request.pattern.removed", place, "Values need not match the pattern any longer.")


def _formats(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if was.formats != now.formats:
        wide, narrow = was.formats, now.formats
        narrower = not all(_has_format(wide, each) for each in narrow)
        wider = not all(_has_format(narrow, each) for each in wide)
        message = f"The format is {_formats_text(narrow)} now, it was {_formats_text(wide)}."
        if narrower and wider:
            report.breaking(f"{direction}.format", place, message)
        else:
            _narrowed("format", narrower, direction, place, report, message)
    if was.media != now.media:
        report.breaking(f"{direction}.content_encoding", place, "The content of the text is encoded differently now.")


def _has_format(formats: set[str], asked: str) -> bool:
    return asked in formats or any(_WIDER.get(each) == asked for each in formats)


def _formats_text(formats: set[str]) -> str:
    return shorten(" and ".join(sorted(formats)), 60) or "not set"


def _default(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if was.defaults.keys() == now.defaults.keys():
        return
    if direction == "request" and was.defaults.keys() - {None}:
        report.breaking("request.default", place, "A value that is left out means something else now.")
    else:
        report.other(f"{direction}.default.changed", place, "The default is a different one.")


def _switches(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    if was.unique != now.unique:
        message = "Repeated items are rejected now." if now.unique else "Items may be repeated now."
        _narrowed("uniqueItems", now.unique, direction, place, report, message)
    if was.deprecated != now.deprecated:
        if now.deprecated:
            report.addition(f"{direction}.deprecated", place, "This is deprecated now.")
        else:
            report.other(f"{direction}.deprecated.withdrawn", place, "This is no longer deprecated.")
    for name, keyword in _FLAGS.items():
        if getattr(was, name) != getattr(now, name):
            report.other(f"{direction}.{keyword}", place, f"`{keyword}` has changed.")
    if was.open_enum != now.open_enum:
        if was.open_enum and direction == "response":
            report.breaking("response.enum.closed", place, "The list of values is no longer marked as extensible.")
        else:
            report.other(f"{direction}.enum.open", place, "The list of values may grow.")
    if was.xml != now.xml:
        report.unclear(f"{direction}.xml", place, "The spelling in XML has changed.")


def _opaque(was: Node, now: Node, direction: Direction, place: Place, report: Report) -> None:
    for keyword in sorted(was.opaque.keys() | now.opaque.keys()):
        if was.opaque.get(keyword) != now.opaque.get(keyword):
            message = f"`{shorten(keyword, 40)}` has changed, and its effect on callers is unknown."
            report.unclear(f"{direction}.keyword.not_understood", place, message)
