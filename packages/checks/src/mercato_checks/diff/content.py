"""Judges bodies and responses: media types, their encoding, status codes, headers and links."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mercato_checks.diff.change import Direction, Place, Report
from mercato_checks.diff.fields import compare_other_fields
from mercato_checks.diff.parameters import ParameterComparison
from mercato_checks.diff.schemas import SchemaComparison
from mercato_checks.diff.side import Side
from mercato_checks.findings import shorten

Mapping = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContentComparison:
    """Compares what travels in one direction."""

    old: Side
    new: Side
    schemas: SchemaComparison
    parameters: ParameterComparison

    def compare_bodies(self, old: Mapping, new: Mapping, direction: Direction, place: Place, report: Report) -> None:
        """The request bodies of two operations. `direction` is `response` where the service sends them."""
        here = place.at("requestBody")
        before, after = self.old.mapping(old.get("requestBody")), self.new.mapping(new.get("requestBody"))
        was, now = before.get("required") is True, after.get("required") is True
        if before and not after:
            report.breaking("body.removed", here, "No body is accepted any longer.")
        elif after and not before:
            if now and direction == "request":
                report.breaking("body.required", here, "A body is required now.")
            else:
                report.addition("body.added", here, "There may be a body now.")
        elif before:
            if was != now:
                narrower = now == (direction == "request")
                weigh = report.breaking if narrower else report.other
                weigh("body.required" if now else "body.optional", here, "Whether a body is required has changed.")
            self._content(before, after, direction, here, report)
            compare_other_fields(before, after, ("content", "required"), here, report)

    def compare_responses(self, old: Mapping, new: Mapping, direction: Direction, place: Place, report: Report) -> None:
        """The responses of two operations. `direction` is `request` where the service receives them."""
        before, after = _by_code(self.old, old), _by_code(self.new, new)
        report.step(len(before) + len(after))
        here = place.at("responses")
        for code, written in before.items():
            matches = _matching(code, before, after)
            for match in matches:
                self._response(written, after[match], direction, here.at(match), report)
            if not matches:
                self._response_gone(code, before, after, here.at(code), report)
        for code, written in after.items():
            if code in before:
                continue
            report.addition("response.added", here.at(code), f"The response {shorten(code, 20)} is new.")
            covering = _covering(code, before, after)
            if covering is not None:
                self._response(before[covering], written, direction, here.at(code), report)

    def _response_gone(self, code: str, before: Mapping, after: Mapping, place: Place, report: Report) -> None:
        was_success = code[:1] == "2" or (code[:1] == "3" and not any(each[:1] == "2" for each in before))
        if code == "default":
            was_success = _default_succeeds(before) and _default_succeeds(after)
        if was_success:
            report.breaking("response.success.removed", place, f"The response {code} is no longer given.")
        else:
            report.other("response.removed", place, f"The response {shorten(code, 20)} is no longer described.")

    def _response(self, old: Any, new: Any, direction: Direction, place: Place, report: Report) -> None:
        was, now = self.old.mapping(old), self.new.mapping(new)
        self._content(was, now, direction, place, report)
        self._headers(was, now, direction, place, report)
        self._links(was, now, place, report)
        compare_other_fields(was, now, ("content", "headers", "links"), place, report)

    def _content(self, old: Mapping, new: Mapping, direction: Direction, place: Place, report: Report) -> None:
        before, after = _media_types(old), _media_types(new)
        report.step(len(before) + len(after))
        # What is given (by callers in a request, by the service in a response) must have been described on the other
        # side, under its own name or by a range.
        given, taken = (before, after) if direction == "request" else (after, before)
        matched: set[str] = set()
        for media_type, media in given.items():
            range_ = _range_of(media_type, taken)
            if range_ is not None:
                matched.add(range_)
                pair = (media, taken[range_]) if direction == "request" else (taken[range_], media)
                self._media(*pair, direction, place.at("content", media_type), report)
            else:
                self._unmatched(media_type, direction, place.at("content", media_type), report, given=True)
        for media_type in sorted(taken.keys() - matched):
            here = place.at("content", media_type)
            self._unmatched(media_type, direction, here, report, given=False)
            range_ = _range_of(media_type, before) if direction == "request" else None
            if range_ is not None:
                # The most specific entry counts, so what the range took must now fit this one.
                self._media(before[range_], after[media_type], direction, here, report)

    def _unmatched(self, media_type: str, direction: Direction, place: Place, report: Report, *, given: bool) -> None:
        name = shorten(media_type, 60)
        if given == (direction == "request"):
            report.breaking(f"{direction}.media_type.removed", place, f"{name} is gone.")
        else:
            report.addition(f"{direction}.media_type.added", place, f"{name} is new.")

    def _media(self, old: Any, new: Any, direction: Direction, place: Place, report: Report) -> None:
        was, now = self.old.mapping(old), self.new.mapping(new)
        # Without a schema anything is allowed.
        self.schemas.compare(was.get("schema", True), now.get("schema", True), direction, place, report)
        before, after = self.old.mapping(was.get("encoding")), self.new.mapping(now.get("encoding"))
        for name in sorted(before.keys() | after.keys()):
            here = place.at("encoding", name)
            first, second = self.old.mapping(before.get(name)), self.new.mapping(after.get(name))
            self._headers(first, second, direction, here, report)
            compare_other_fields(first, second, ("headers",), here, report)
        compare_other_fields(was, now, ("schema", "encoding"), place, report)

    def _headers(self, old: Mapping, new: Mapping, direction: Direction, place: Place, report: Report) -> None:
        before, after = _headers(self.old, old), _headers(self.new, new)
        report.step(len(before) + len(after))
        for name, header in before.items():
            here = place.at("headers", name)
            if name in after:
                self.parameters.compare(header, after[name], direction, here, report)
            else:
                report.breaking("response.header.removed", here, f"The header `{shorten(name, 60)}` is gone.")
        for name, header in after.items():
            if name in before:
                continue
            if direction == "request" and header.get("required") is True:
                report.breaking("header.required", place.at("headers", name), "A further header is required now.")
            else:
                report.addition("response.header.added", place.at("headers", name), "A further header comes now.")

    def _links(self, old: Mapping, new: Mapping, place: Place, report: Report) -> None:
        before, after = self.old.mapping(old.get("links")), self.new.mapping(new.get("links"))
        for name in sorted(before.keys() | after.keys()):
            here = place.at("links", name)
            if name not in after:
                report.breaking("response.link.removed", here, f"The link `{shorten(name, 60)}` is gone.")
            elif name not in before:
                report.addition("response.link.added", here, f"The link `{shorten(name, 60)}` is new.")
            else:
                compare_other_fields(self.old.mapping(before[name]), self.new.mapping(after[name]), (), here, report)


def _media_types(node: Mapping) -> Mapping:
    """By media type in lower case without blanks: its spelling does not count."""
    content = node.get("content")
    return _by_name(content, lambda key: key.lower().replace(" ", "")) if isinstance(content, dict) else {}


def _by_name(written: Mapping, spelled: Callable[[str], str]) -> Mapping:
    """By name in one spelling. Where that would make two names one, a name stays as it is: none may hide another."""
    found = {name: value for name, value in written.items() if spelled(name) == name}
    for name, value in written.items():
        if spelled(name) != name:
            found[name if spelled(name) in found else spelled(name)] = value
    return found


def _range_of(media_type: str, offered: Mapping) -> str | None:
    """The entry of `offered` that covers a media type: its own, the same without parameters, or a range such as
    `text/*` (RFC 9110, 12.5.1).
    """
    kind = media_type.partition("/")[0]
    names = (media_type, media_type.partition(";")[0], f"{kind}/*", "*/*")
    return next((each for each in names if each in offered), None)


def _headers(side: Side, node: Mapping) -> dict[str, Mapping]:
    """By name in lower case, but for Content-Type, which the media type says."""
    headers = _by_name(side.mapping(node.get("headers")), str.lower)
    return {name: side.mapping(header) for name, header in headers.items() if name.lower() != "content-type"}


def _by_code(side: Side, node: Mapping) -> Mapping:
    responses = side.mapping(node.get("responses"))
    described = {code: each for code, each in responses.items() if code[:2] != "x-"}
    return _by_name(described, lambda code: code if code == "default" else code.upper())


def _matching(code: str, before: Mapping, after: Mapping) -> list[str]:
    """The codes that now cover an older one: itself, its range, or the codes of a range; `default` for what they leave.

    That a success is described by `default` only is no description of it.
    """
    if code in after:
        return [code]
    rest = ["default"] if "default" in after and code[:1] in "45" else []
    if code[1:] == "XX":
        # The codes that had an entry of their own are compared with that one.
        return [each for each in after if each[:1] == code[:1] and each not in before] + rest
    return [f"{code[:1]}XX"] if f"{code[:1]}XX" in after else rest


def _covering(code: str, before: Mapping, after: Mapping) -> str | None:
    """The entry that described a code which had none of its own."""
    range_ = f"{code[:1]}XX"
    if code == "default":
        return None
    if range_ in before:
        # Where the range is gone, its codes were compared with it already.
        return range_ if range_ in after else None
    return "default" if "default" in before and (code[:1] in "45" or _default_succeeds(before)) else None


def _default_succeeds(responses: Mapping) -> bool:
    """Whether `default` is what describes success: no code does, so it is not for errors only."""
    return not any(code[:1] in "123" for code in responses)
