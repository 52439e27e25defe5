"""The order of versions. Source: SemVer 2.0.0, section 11."""

import re
from typing import Any

from mercato_contracts.manifest import SEMVER

_SEMVER = re.compile(SEMVER)


def precedence(version: str) -> tuple[Any, ...]:
    """A value that sorts as SemVer orders; build metadata does not count. Raises `ValueError`."""
    match = _SEMVER.match(version)
    if match is None:
        raise ValueError(f"{version} is not a SemVer version")
    major, minor, patch, prerelease = int(match[1]), int(match[2]), int(match[3]), match[4]
    if prerelease is None:
        return major, minor, patch, 1, ()
    # Numbers sort below words and among each other by value.
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in prerelease.split("."))
    return major, minor, patch, 0, parts
