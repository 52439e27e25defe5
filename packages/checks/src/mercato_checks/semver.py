"""SemVer 2.0.0 versions, their order, and ranges as npm reads them.

Written here because no kept library does: python-semver knows no ranges, and those that port npm's are old or thin. The
gateway has a smaller matcher of its own; both are tested on `tests/vectors/semver.json`.
"""

import re
from dataclasses import dataclass
from functools import total_ordering
from itertools import pairwise
from typing import Literal

from mercato_contracts.manifest import SEMVER

Bump = Literal["major", "minor", "patch"]
_VERSION = re.compile(SEMVER)
_LONGEST = 256
_MOST_COMPARATORS = 64
_X = r"(?:[xX*]|0|[1-9][0-9]{0,15})"
_PRE = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
_PARTIAL = re.compile(rf"[v=]*({_X})(?:\.({_X})(?:\.({_X}){_PRE})?)?$")
_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~>?)?\s*(.*)$")
_HYPHEN = re.compile(r"^\s*(\S+)\s+-\s+(\S+)\s*$")
_SPACED = re.compile(r"(>=|<=|>|<|=|\^|~>?)\s+")


class NotSemVer(ValueError):
    """The text is no version, or no range."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version. Compared by precedence: build metadata does not count."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Raises `NotSemVer`."""
        match = _VERSION.match(text) if len(text) <= _LONGEST and "\n" not in text else None
        if match is None or any(len(number) > 16 for number in match.group(1, 2, 3)):
            raise NotSemVer("a version has three numbers, such as 1.4.0")
        major, minor, patch, pre, build = match.groups()
        return cls(int(major), int(minor), int(patch), tuple(pre.split(".")) if pre else (), build or "")

    @property
    def _order(self) -> tuple[object, ...]:
        # A release stands above its pre-releases; numbers stand below words; a longer list above its beginning.
        marks = tuple((0, int(each), "") if each.isdigit() else (1, 0, each) for each in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, marks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._order == other._order

    def __lt__(self, other: "Version") -> bool:
        return self._order < other._order

    def __hash__(self) -> int:
        return hash(self._order)

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{f'+{self.build}' if self.build else ''}"

    def bumped(self, bump: Bump) -> "Version":
        """The least release above this one by that step; of a pre-release that may be the release it leads to."""
        if bump == "major":
            return Version(self.major + (0 if self.pre and not (self.minor or self.patch) else 1), 0, 0)
        if bump == "minor":
            return Version(self.major, self.minor + (0 if self.pre and not self.patch else 1), 0)
        return Version(self.major, self.minor, self.patch + (0 if self.pre else 1))


@dataclass(frozen=True, slots=True)
class _Comparator:
    operator: Literal[">=", ">", "<", "<=", "="]
    version: Version

    def holds(self, version: Version) -> bool:
        if self.operator == ">=":
            return version >= self.version
        if self.operator == ">":
            return version > self.version
        if self.operator == "<":
            return version < self.version
        if self.operator == "<=":
            return version <= self.version
        return version == self.version


@dataclass(frozen=True, slots=True)
class Range:
    """A set of versions: any of `choices`, each of which must hold whole. Source: npm's node-semver."""

    text: str
    choices: tuple[tuple[_Comparator, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "Range":
        """`^1.2`, `~1.2.3`, `1.x`, `>=1 <2`, `1.2 - 2`, `a || b`, `*` or nothing. Raises `NotSemVer`."""
        if len(text) > _LONGEST:
            raise NotSemVer(f"a range has at most {_LONGEST} characters")
        choices = tuple(_parse_choice(choice) for choice in text.split("||"))
        if sum(map(len, choices)) > _MOST_COMPARATORS:
            raise NotSemVer("the range has too many parts")
        return cls(text, choices)

    def contains(self, version: Version) -> bool:
        """Whether it matches. A pre-release matches only beside a comparator of the very same three numbers."""
        return any(_matches(choice, version) for choice in self.choices)

    def highest(self, versions: list[Version]) -> Version | None:
        """The highest version that matches, if any."""
        return max(filter(self.contains, versions), default=None)


def _matches(choice: tuple[_Comparator, ...], version: Version) -> bool:
    if not all(comparator.holds(version) for comparator in choice):
        return False
    numbers = (version.major, version.minor, version.patch)
    return not version.pre or any(
        each.version.pre and (each.version.major, each.version.minor, each.version.patch) == numbers for each in choice
    )


@dataclass(frozen=True, slots=True)
class _Partial:
    """A version of which the last numbers may be open (`None`)."""

    major: int | None
    minor: int | None
    patch: int | None
    pre: tuple[str, ...]

    @property
    def lowest(self) -> Version:
        return Version(self.major or 0, self.minor or 0, self.patch or 0, self.pre)

    @property
    def next(self) -> Version:
        """The first version beyond all that the open numbers allow."""
        if self.minor is None:
            return _floor((self.major or 0) + 1, 0, 0)
        return _floor(self.major or 0, self.minor + 1, 0)


def _floor(major: int, minor: int, patch: int) -> Version:
    """The lowest version of all with these numbers: below any of their pre-releases."""
    return Version(major, minor, patch, ("0",))


def _parse_choice(text: str) -> tuple[_Comparator, ...]:
    hyphen = _HYPHEN.match(text)
    if hyphen is not None:
        return (*_at_least(_partial(hyphen[1])), *_at_most(_partial(hyphen[2])))
    parts = _SPACED.sub(r"\1", text).split()
    return tuple(each for part in parts for each in _parse_part(part)) or (_Comparator(">=", Version(0, 0, 0)),)


def _parse_part(text: str) -> tuple[_Comparator, ...]:
    match = _COMPARATOR.match(text)
    if match is None:
        raise NotSemVer("not a range")
    operator, partial = match[1] or "", _partial(match[2])
    if operator == "^":
        return _caret(partial)
    if operator in ("~", "~>"):
        return _tilde(partial)
    if operator == ">=":
        return _at_least(partial)
    if operator == "<=":
        return _at_most(partial)
    if operator == ">":
        return _above(partial)
    if operator == "<":
        return (_Comparator("<", partial.lowest if partial.patch is not None else _opened(partial.lowest)),)
    return _equal(partial)


def _partial(text: str) -> _Partial:
    match = _PARTIAL.match(text)
    if match is None or "\n" in text:
        raise NotSemVer(f"`{text[:20]}` is not a version")
    numbers = [None if part is None or part in "xX*" else int(part) for part in match.group(1, 2, 3)]
    if any(after is not None for before, after in pairwise(numbers) if before is None):
        raise NotSemVer(f"`{text[:20]}` has a number after an open one")
    pre = tuple(match[4].split(".")) if match[4] and numbers[2] is not None else ()
    return _Partial(numbers[0], numbers[1], numbers[2], pre)


def _opened(version: Version) -> Version:
    return _floor(version.major, version.minor, version.patch)


def _at_least(partial: _Partial) -> tuple[_Comparator, ...]:
    return (_Comparator(">=", partial.lowest),)


def _at_most(partial: _Partial) -> tuple[_Comparator, ...]:
    if partial.major is None:
        return _at_least(partial)
    return (_Comparator("<=", partial.lowest) if partial.patch is not None else _Comparator("<", partial.next),)


def _above(partial: _Partial) -> tuple[_Comparator, ...]:
    if partial.major is None:
        return (_Comparator("<", _floor(0, 0, 0)),)
    if partial.patch is not None:
        return (_Comparator(">", partial.lowest),)
    beyond = partial.next
    return (_Comparator(">=", Version(beyond.major, beyond.minor, beyond.patch)),)


def _equal(partial: _Partial) -> tuple[_Comparator, ...]:
    if partial.patch is not None:
        return (_Comparator("=", partial.lowest),)
    if partial.major is None:
        return _at_least(partial)
    return (*_at_least(partial), _Comparator("<", partial.next))


def _tilde(partial: _Partial) -> tuple[_Comparator, ...]:
    return _at_least(partial) if partial.major is None else (*_at_least(partial), _Comparator("<", partial.next))


def _caret(partial: _Partial) -> tuple[_Comparator, ...]:
    """Up to the next change of the leftmost number that is not zero."""
    if partial.major is None:
        return _at_least(partial)
    if partial.major > 0 or partial.minor is None:
        limit = _floor(partial.major + 1, 0, 0)
    elif partial.minor > 0 or partial.patch is None:
        limit = _floor(0, partial.minor + 1, 0)
    else:
        limit = _floor(0, 0, partial.patch + 1)
    return (*_at_least(partial), _Comparator("<", limit))
