"""The results of checks: findings, each with a stable code, a place, and what to do."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of the table of codes: `level` is what a finding of this code weighs unless the check says otherwise."""

    code: str
    level: Level
    title: str
    fix: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    `where` is a path into the manifest (`plans.0.price.per_call`) or a JSON pointer into the OpenAPI document
    (`/paths/~1rounds/get`); empty for the whole. `message` is one sentence; `fix` says what to do. An `error` stops the
    release, a `warning` should be fixed, `info` is for the record. No finding ever holds a secret.
    """

    code: str
    level: Level
    where: str
    message: str
    fix: str


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of them stops the release."""
    return any(finding.level == "error" for finding in findings)


_LONGEST_STEP = 200
_LONGEST_POINTER = 2_000
_LOOKED_AT = 2_000


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of these steps; empty for none.

    A pointer too long to show ends in `…`: a document may have many findings below a name of a megabyte.
    """
    written, length = [], 0
    for part in parts:
        step = str(part)
        if len(step) > _LONGEST_STEP:
            step = f"{step[:_LONGEST_STEP]}…"
        written.append(f"/{step.replace('~', '~0').replace('/', '~1')}")
        length += len(written[-1])
        if length > _LONGEST_POINTER:
            written.append("/…")
            break
    return "".join(written)


def shorten(text: object, most: int = 80) -> str:
    """A value as a message shows it: one line, at most `most` characters, at a cost independent of its size."""
    if isinstance(text, dict | list | tuple | set | frozenset):
        return _SHORT.repr(text)[:most]
    whole = str(text)
    line = " ".join(whole[:_LOOKED_AT].split())
    return line if len(line) <= most and len(whole) <= _LOOKED_AT else f"{line[: most - 1]}…"


class _Short(reprlib.Repr):
    """A few members of a collection, two levels deep."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxdict = self.maxlist = self.maxtuple = 4

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # The base class sorts all keys first.
        shown = dict(islice(x.items(), self.maxdict))
        more = ", …" if len(x) > len(shown) else ""
        return f"{super().repr_dict(shown, level)[:-1]}{more}}}"


_SHORT = _Short()
