"""Versions and ranges by SemVer 2.0.0, and the range forms of npm that people write: `^1.2`, `~1.2.3`, `1.x`,
`>=1 <2`.
"""

import re

Version = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
Comparator = tuple[str, Version]

_VERSION = re.compile(r"(\d{1,15})\.(\d{1,15})\.(\d{1,15})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_PARTIAL = re.compile(
    r"(\^|~|>=|<=|>|<|=)?v?(\d{1,15}|[xX*])(?:\.(\d{1,15}|[xX*]))?(?:\.(\d{1,15}|[xX*]))?(?:-([0-9A-Za-z.-]+))?"
)
# Sorts after every prerelease of the same version.
_RELEASED = ((2, 0, ""),)


class BadRange(ValueError):
    """The text is neither a version nor a range."""


def _prerelease(text: str | None) -> tuple[tuple[int, int, str], ...]:
    if not text:
        return _RELEASED
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))


def parse_version(text: str) -> Version:
    """A value that sorts by SemVer precedence; raises `BadRange`."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise BadRange(text)
    return int(match[1]), int(match[2]), int(match[3]), _prerelease(match[4])


def is_prerelease(version: Version) -> bool:
    """Whether the version is before a release, such as `1.0.0-rc.1`."""
    return version[3] != _RELEASED


# The least prerelease, so that `<2.0.0` built by `^1` leaves `2.0.0-rc.1` out too.
_LEAST = ((0, -1, ""),)


def _bounds(operator: str, numbers: list[int], prerelease: str | None) -> list[Comparator]:
    padded = numbers + [0] * (3 - len(numbers))
    low: Version = (padded[0], padded[1], padded[2], _prerelease(prerelease))
    if operator in (">", "<=") and len(numbers) < 3:
        upper = _next(numbers, len(numbers) - 1)
        return [(">=" if operator == ">" else "<", upper)]
    if operator in (">", ">=", "<", "<="):
        return [(operator, low)]
    if operator == "^":
        first = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
        return [(">=", low), ("<", _next(numbers, first))]
    if operator == "~":
        return [(">=", low), ("<", _next(numbers, min(1, len(numbers) - 1)))]
    if len(numbers) == 3:
        return [(">=", low), ("<=", low)]
    return [(">=", low), ("<", _next(numbers, len(numbers) - 1))]


def _next(numbers: list[int], place: int) -> Version:
    raised = numbers[:place] + [numbers[place] + 1] + [0] * (2 - place)
    return raised[0], raised[1], raised[2], _LEAST


def parse_range(text: str) -> list[Comparator]:
    """All of these must hold; the empty list is any version. Raises `BadRange`."""
    comparators: list[Comparator] = []
    words = text.replace(",", " ").split()
    if not words or len(words) > 4:
        raise BadRange(text)
    for word in words:
        match = _PARTIAL.fullmatch(word)
        if match is None:
            raise BadRange(text)
        numbers: list[int] = []
        for part in (match[2], match[3], match[4]):
            if part is None or not part.isdigit():
                break
            numbers.append(int(part))
        if numbers:
            comparators += _bounds(match[1] or "=", numbers, match[5])
    return comparators


def names_prerelease(text: str) -> bool:
    """Whether the range itself names a prerelease; only then do prereleases match."""
    return any("-" in word for word in text.split())


def matches(version: Version, comparators: list[Comparator]) -> bool:
    """Whether the version satisfies all comparators."""
    for operator, bound in comparators:
        if operator == ">=" and not version >= bound:
            return False
        if operator == "<=" and not version <= bound:
            return False
        if operator == ">" and not version > bound:
            return False
        if operator == "<" and not version < bound:
            return False
    return True
