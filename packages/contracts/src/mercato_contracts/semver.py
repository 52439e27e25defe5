"""SemVer 2.0.0 versions, their order, and ranges as npm reads them.

One reader for the pipeline, for `mp` and for the gateway, so that a range means the same to all. Written here because
no kept library does: python-semver knows no ranges, and those that port npm's are old or thin. Held against npm's own
`semver` in the tests.
"""

import re
from dataclasses import dataclass, field
from functools import total_ordering
from itertools import pairwise
from typing import Literal

Bump = Literal["major", "minor", "patch"]
Operator = Literal[">=", ">", "<", "<=", "="]

SEMVER = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)
"""SemVer 2.0.0; source: semver.org, the suggested regular expression."""

_VERSION = re.compile(SEMVER, re.ASCII)  # a digit is one of ten, as in JavaScript
_LONGEST = 256
_MOST_COMPARATORS = 64
_HIGHEST = 9_007_199_254_740_991
"""No number is higher, as in npm: the last that every JSON reader keeps exactly."""

_NUMBER = r"(?:0|[1-9][0-9]*)"
_X = rf"(?:[xX*]|{_NUMBER})"
_MARK = r"(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|0|[1-9][0-9]*)"
_PRE = rf"(?:-({_MARK}(?:\.{_MARK})*))?"
_PARTIAL = rf"[v= ]*({_X})(?:\.({_X})(?:\.({_X}){_PRE})?)?"
_SPACES = re.compile("[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+")
"""What JavaScript takes for white space; Python takes more and less."""
_STAR = re.compile(r"[<>]?=?\*")
_BUILD = re.compile(r"\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*")
_HYPHEN = re.compile(rf"({_PARTIAL}) - ({_PARTIAL})")
_SPACED = re.compile(rf"( ?)([<>]?=?) ?({_PARTIAL})")
_SPACED_TILDE = re.compile(r"~>? +")
_SPACED_CARET = re.compile(r"\^ +")
_AROUND = re.compile(rf"(\^|~>?){_PARTIAL}")
_OPEN = re.compile(rf"([<>]?=?){_PARTIAL}")
_WHOLE = re.compile(rf"([<>]?=?)v?({_NUMBER})\.({_NUMBER})\.({_NUMBER}){_PRE}")


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
    order: tuple[object, ...] = field(init=False, repr=False)
    """Sorts by precedence."""

    def __post_init__(self) -> None:
        # A release stands above its pre-releases; numbers stand below words; a longer list above its beginning.
        marks = tuple((0, int(each), "") if each.isdigit() else (1, 0, each) for each in self.pre)
        object.__setattr__(self, "order", (self.major, self.minor, self.patch, not self.pre, marks))

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Raises `NotSemVer`."""
        match = _VERSION.match(text) if len(text) <= _LONGEST and "\n" not in text else None
        if match is None:
            raise NotSemVer("a version has three numbers, such as 1.4.0")
        major, minor, patch, pre, build = match.groups()
        return cls(_int(major), _int(minor), _int(patch), tuple(pre.split(".")) if pre else (), build or "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.order == other.order

    def __lt__(self, other: "Version") -> bool:
        return self.order < other.order

    def __hash__(self) -> int:
        return hash(self.order)

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
    operator: Operator
    version: Version

    def holds(self, version: Version) -> bool:
        ours, theirs = self.version.order, version.order
        if self.operator == ">=":
            return theirs >= ours
        if self.operator == ">":
            return theirs > ours
        if self.operator == "<":
            return theirs < ours
        if self.operator == "<=":
            return theirs <= ours
        return theirs == ours


@dataclass(frozen=True, slots=True)
class Range:
    """A set of versions: any of `choices`, each of which must hold whole. Source: npm's node-semver 7."""

    text: str
    choices: tuple[tuple[_Comparator, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "Range":
        """`^1.2`, `~1.2.3`, `1.x`, `>=1 <2`, `1.2 - 2`, `a || b`, `*` or nothing. Build metadata does not count.
        Raises `NotSemVer`.
        """
        if len(text) > _LONGEST:
            raise NotSemVer(f"a range has at most {_LONGEST} characters")
        choices = tuple(_parse_choice(choice) for choice in _SPACES.sub(" ", text).split("||"))
        if sum(map(len, choices)) > _MOST_COMPARATORS:
            raise NotSemVer("the range has too many parts")
        # As npm does: beside a choice that takes everything, no other one lets a pre-release in.
        return cls(text, ((),) if () in choices else choices)

    def contains(self, version: Version) -> bool:
        """Whether it matches. A pre-release matches only beside a comparator of the very same three numbers."""
        return any(_matches(choice, version) for choice in self.choices)

    def highest(self, versions: list[Version]) -> Version | None:
        """The highest version that matches, if any."""
        return max(filter(self.contains, versions), default=None)

    @property
    def is_exact(self) -> bool:
        """Whether it names one version."""
        return len(self.choices) == 1 and len(self.choices[0]) == 1 and self.choices[0][0].operator == "="


def _matches(choice: tuple[_Comparator, ...], version: Version) -> bool:
    for comparator in choice:
        if not comparator.holds(version):
            return False
    numbers = (version.major, version.minor, version.patch)
    return not version.pre or any(
        each.version.pre and (each.version.major, each.version.minor, each.version.patch) == numbers for each in choice
    )


def _int(text: str) -> int:
    number = int(text) if len(text) <= len(str(_HIGHEST)) else _HIGHEST + 1
    if number > _HIGHEST:
        raise NotSemVer(f"no number of a version is above {_HIGHEST}")
    return number


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


def _read(major: str, minor: str | None, patch: str | None, pre: str | None) -> _Partial:
    """What stands behind the first open number does not count."""
    numbers: list[int | None] = []
    for text in (major, minor, patch):
        is_open = text is None or text in "xX*" or None in numbers
        numbers.append(None if is_open or text is None else _int(text))
    marks = tuple(pre.split(".")) if pre and numbers[2] is not None else ()
    return _Partial(numbers[0], numbers[1], numbers[2], marks)


def _floor(major: int, minor: int, patch: int) -> Version:
    """The lowest version of all with these numbers: below any of their pre-releases."""
    if max(major, minor, patch) > _HIGHEST:
        raise NotSemVer(f"no number of a version is above {_HIGHEST}")
    return Version(major, minor, patch, ("0",))


def _parse_choice(text: str) -> tuple[_Comparator, ...]:
    text = _BUILD.sub("", text).strip(" ")
    hyphen = _HYPHEN.fullmatch(text)
    found: tuple[_Comparator, ...] = ()
    if hyphen is not None:
        found = (*_from(hyphen), *_up_to(hyphen))
    else:
        # As npm does: an operator may stand apart from its version.
        text = _SPACED.sub(r"\1\2\3", text)
        text = _SPACED_CARET.sub("^", _SPACED_TILDE.sub("~", text))
        found = tuple(each for part in text.split(" ") if part for each in _parse_part(part))
    return tuple(each for each in found if each != _FROM_THE_START)


_FROM_THE_START = _Comparator(">=", Version(0, 0, 0))
"""Holds for every version that is no pre-release."""


def _from(hyphen: re.Match[str]) -> tuple[_Comparator, ...]:
    low = _read(*hyphen.group(2, 3, 4, 5))
    return _at_least(low) if low.patch is None else _parse_part(">=" + hyphen[1].strip(" "))


def _up_to(hyphen: re.Match[str]) -> tuple[_Comparator, ...]:
    high = _read(*hyphen.group(7, 8, 9, 10))
    return _at_most(high) if high.patch is None or high.pre else _parse_part("<=" + hyphen[6].strip(" "))


def _parse_part(text: str) -> tuple[_Comparator, ...]:
    match = _AROUND.fullmatch(text)
    if match is not None:
        partial = _read(*match.group(2, 3, 4, 5))
        return _caret(partial) if match[1] == "^" else _tilde(partial)
    match = _WHOLE.fullmatch(text)
    if match is not None:
        return (_whole(match),)
    match = _OPEN.fullmatch(text)
    if match is None and "*" in text:
        # As npm does: one star within anything else means nothing.
        match = _WHOLE.fullmatch(_BUILD.sub("", _STAR.sub("", text, count=1)))
        if match is not None:
            return (_whole(match),)
    if match is None:
        raise NotSemVer(f"`{text[:20]}` is no version and no part of a range")
    partial = _read(*match.group(2, 3, 4, 5))
    after = [number for number in match.group(3, 4) if number is not None]
    if partial.patch is not None or _closes_again([match[2], *after]):
        raise NotSemVer(f"`{text[:20]}` has a number after an open one, or too many signs before it")
    return _compare(match[1], partial)


def _whole(match: re.Match[str]) -> _Comparator:
    """A comparator of a whole version, in the groups of `_WHOLE`."""
    operators: dict[str, Operator] = {">=": ">=", ">": ">", "<": "<", "<=": "<="}
    return _Comparator(operators.get(match[1], "="), _read(*match.group(2, 3, 4, 5)).lowest)


def _closes_again(numbers: list[str]) -> bool:
    is_open = [number in "xX*" for number in numbers]
    return any(before and not behind for before, behind in pairwise(is_open))


def _compare(operator: str, partial: _Partial) -> tuple[_Comparator, ...]:
    """An operator before a version of which numbers are open."""
    if partial.major is None:
        return (_Comparator("<", _floor(0, 0, 0)),) if operator in (">", "<") else ()
    if operator == ">=":
        return _at_least(partial)
    if operator == "<=":
        return _at_most(partial)
    if operator == ">":
        beyond = partial.next
        return (_Comparator(">=", Version(beyond.major, beyond.minor, beyond.patch)),)
    if operator == "<":
        return (_Comparator("<", _floor(partial.major, partial.minor or 0, 0)),)
    return (*_at_least(partial), _Comparator("<", partial.next))


def _at_least(partial: _Partial) -> tuple[_Comparator, ...]:
    return () if partial.major is None else (_Comparator(">=", partial.lowest),)


def _at_most(partial: _Partial) -> tuple[_Comparator, ...]:
    if partial.major is None:
        return ()
    return (_Comparator("<=", partial.lowest) if partial.patch is not None else _Comparator("<", partial.next),)


def _tilde(partial: _Partial) -> tuple[_Comparator, ...]:
    return () if partial.major is None else (*_at_least(partial), _Comparator("<", partial.next))


def _caret(partial: _Partial) -> tuple[_Comparator, ...]:
    """Up to the next change of the leftmost number that is not zero."""
    if partial.major is None:
        return ()
    if partial.major > 0 or partial.minor is None:
        limit = _floor(partial.major + 1, 0, 0)
    elif partial.minor > 0 or partial.patch is None:
        limit = _floor(0, partial.minor + 1, 0)
    else:
        limit = _floor(0, 0, partial.patch + 1)
    return (*_at_least(partial), _Comparator("<", limit))
