"""What `mercato doctor` found."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do about it unless it is `ok`."""

    check: str
    verdict: Verdict
    found: str
    fix: str = ""
