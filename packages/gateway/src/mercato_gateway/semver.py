"""Versions and ranges as the rest of Mercato reads them (`mercato_contracts.semver`), for the catalog."""

from mercato_contracts.semver import NotSemVer, Range, Version

BadRange = NotSemVer


def parse_version(text: str) -> Version:
    """A value that sorts by SemVer precedence; raises `BadRange`."""
    return Version.parse(text)


def parse_range(text: str) -> Range:
    """Raises `BadRange`."""
    return Range.parse(text)


def matches(version: Version, wanted: Range) -> bool:
    """Whether the range contains the version."""
    return wanted.contains(version)
