"""The slow part of a request, done before its transaction."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from mercato.platform.refusals import Refusal

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Prepared(Generic[_T]):
    """What was prepared, or the refusal.

    A refusal is raised only in the transaction: a repeated request is recognised there first and gets its earlier
    answer, even if the same could not be prepared a second time.
    """

    value: _T | None
    refusal: Refusal | None = None

    @classmethod
    async def by(cls, work: Awaitable[_T]) -> Self:
        """Does the work."""
        try:
            return cls(await work)
        except Refusal as refusal:
            return cls(None, refusal)

    def take(self) -> _T:
        """What was prepared; raises the refusal if there is one."""
        if self.refusal is not None:
            raise self.refusal
        assert self.value is not None
        return self.value
