"""Judges who may call: requirements, schemes and scopes."""

from typing import Any

from mercato_checks.diff.change import Place, Report
from mercato_checks.diff.fields import compare_other_fields
from mercato_checks.diff.side import Side
from mercato_checks.diff.values import size_of
from mercato_checks.findings import shorten

_ADDRESSES = ("authorizationUrl", "tokenUrl", "refreshUrl", "deviceAuthorizationUrl")
_SCHEME = ("type", "scheme", "in", "name", "openIdConnectUrl")
Way = frozenset[tuple[str, str]]
_NOTHING_ASKED: Way = frozenset()


def compare_requirements(old: Any, new: Any, place: Place, report: Report) -> None:
    """Each way in that worked must still work: some way of now may ask for no more than it did.

    A document that says nothing of it (None) leaves open how its service knows callers; an empty list says: not at all.
    """
    if old is None:
        report.step(size_of(new))
        if _ways(new) != _ways(old):
            report.addition("security.described", place.at("security"), "Who may call is described now.")
        return
    report.step(size_of(old) + size_of(new))
    before, after = _ways(old), _ways(new)
    report.step(len(before) * sum(map(len, after)))
    if any(not any(each <= way for each in after) for way in before):
        report.breaking("security.narrowed", place.at("security"), "A way to authenticate no longer suffices.")
    elif before != after:
        report.addition("security.changed", place.at("security"), "Who may call is described differently.")


def _ways(security: Any) -> set[Way]:
    """Each alternative as the set of what it asks for: scheme, and scheme with scope. Without any, nothing is asked."""
    ways: set[Way] = set()
    for requirement in security if isinstance(security, list) else ():
        asked = requirement.items() if isinstance(requirement, dict) else ()
        pairs = {(name, "") for name, _ in asked}
        pairs |= {(name, str(scope)) for name, scopes in asked if isinstance(scopes, list) for scope in scopes}
        ways.add(frozenset(pairs))
    return ways or {_NOTHING_ASKED}


def compare_schemes(old: Side, new: Side, report: Report) -> None:
    """The schemes that both documents name; one that is gone shows in the requirements that named it."""
    before, after = (
        side.mapping(side.mapping(side.tree.get("components")).get("securitySchemes")) for side in (old, new)
    )
    report.step(len(before) + len(after))
    for name in before.keys() & after.keys():
        place = Place().at("components", "securitySchemes", name)
        was, now = old.mapping(before[name]), new.mapping(after[name])
        for keyword in _SCHEME:
            if _spelled(was, keyword) != _spelled(now, keyword):
                report.breaking("security.scheme", place, f"`{keyword}` of the scheme has changed.")
        _flows(old.mapping(was.get("flows")), new.mapping(now.get("flows")), place.at("flows"), report)
        compare_other_fields(was, now, (*_SCHEME, "flows", "bearerFormat"), place, report)


def _spelled(scheme: dict[str, Any], keyword: str) -> str:
    """A field of a scheme. The case of HTTP's schemes and headers does not matter (RFC 9110, 5.1 and 11.1)."""
    text = str(scheme.get(keyword))
    any_case = keyword == "scheme" or (keyword == "name" and scheme.get("in") == "header")
    return text.lower() if any_case else text


def _flows(before: dict[str, Any], after: dict[str, Any], place: Place, report: Report) -> None:
    for name in sorted(before.keys() | after.keys()):
        here = place.at(name)
        was, now = before.get(name), after.get(name)
        if not isinstance(was, dict):
            report.addition("security.flow.added", here, "A further flow may be used.")
        elif not isinstance(now, dict):
            report.breaking("security.flow", here, "This flow is gone.")
        else:
            _flow(was, now, here, report)


def _flow(was: dict[str, Any], now: dict[str, Any], place: Place, report: Report) -> None:
    for keyword in _ADDRESSES:
        if was.get(keyword) != now.get(keyword):
            report.breaking("security.flow", place, f"`{keyword}` has changed.")
    before, after = _scopes(was), _scopes(now)
    gone, new = sorted(before - after), sorted(after - before)
    if gone:
        report.breaking("security.scope", place, f"Scopes are gone: {shorten(gone)}.")
    if new:
        report.addition("security.scope.added", place, f"Scopes are new: {shorten(new)}.")
    compare_other_fields(was, now, (*_ADDRESSES, "scopes"), place, report)


def _scopes(flow: dict[str, Any]) -> set[str]:
    scopes = flow.get("scopes")
    return set(scopes) if isinstance(scopes, dict) else set()
