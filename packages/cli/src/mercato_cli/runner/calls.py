"""A handler's argument, and the exception for a call that it cannot use."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a documented operation: its JSON body, the variables of its path, the fields of its query."""

    body: Any = None
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The caller's mistake: answered as 422 with this code, this sentence, and the fields that are wrong.

    Anything else that a handler raises is the vendor's own failure, answered as 500 without its text.
    """

    def __init__(self, code: str, detail: str, *, fix: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fix = fix
        self.fields = fields or {}
