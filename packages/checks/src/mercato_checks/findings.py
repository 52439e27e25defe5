"""What a check says: findings, each with a stable code, where it is, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
    release, a `warning` should be mended, `info` is for the record. No finding ever holds a secret.
    """

    code: str
    level: Level
    where: str
    message: str
    fix: str


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of them stops the release."""
    return any(finding.level == "error" for finding in findings)


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of these steps; empty for none."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def shorten(text: object, most: int = 80) -> str:
    """A value as a message may show it: one line, at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
