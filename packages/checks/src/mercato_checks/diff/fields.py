"""The fields of OpenAPI's own objects (operations, parameters, media types …) that are not compared one by one."""

from collections.abc import Collection
from typing import Any

from mercato_checks.diff.change import Place, Report
from mercato_checks.diff.values import freeze, size_of
from mercato_checks.findings import shorten

TEXTS = frozenset({"summary", "description", "externalDocs", "tags", "example", "examples", "title"})
"""They are for people."""


def compare_other_fields(
    old: dict[str, Any], new: dict[str, Any], judged: Collection[str], place: Place, report: Report
) -> None:
    """Report a difference in every field that is neither judged elsewhere, nor text, nor an extension."""
    for name in sorted(old.keys() | new.keys()):
        if name in judged or name in TEXTS or name.startswith("x-"):
            continue
        before, after = old.get(name), new.get(name)
        report.step(size_of(before) + size_of(after))
        if freeze(before) != freeze(after):
            message = f"`{shorten(name, 40)}` has changed, and its effect on callers is unknown."
            report.unclear("field.not_understood", place.at(name), message)


def compare_deprecated(old: dict[str, Any], new: dict[str, Any], place: Place, report: Report) -> None:
    """A deprecation is announced with a minor version (SemVer 2.0.0, section 7)."""
    before, after = old.get("deprecated") is True, new.get("deprecated") is True
    if after and not before:
        report.addition("deprecated", place, "This is deprecated now.")
    elif before and not after:
        report.other("deprecated.withdrawn", place, "This is no longer deprecated.")
