"""How every list is paged: `after` is the last page's `next`, `limit` how many items are wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar, overload

from fastapi import Query

After = Annotated[str | None, Query(max_length=64)]
PageSize = Annotated[int, Query(ge=1, le=200)]

Row = TypeVar("Row")
Cursor = TypeVar("Cursor")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Named = TypeVar("Named", bound=_HasId)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row, Cursor]):
    """The rows of one page and the cursor of the page after it; `None` where there is none."""

    rows: Sequence[Row]
    next: Cursor | None

    @overload
    @staticmethod
    def of(rows: Sequence[Named], limit: int) -> "Page[Named, str]": ...

    @overload
    @staticmethod
    def of(rows: Sequence[Row], limit: int, cursor: Callable[[Row], Cursor]) -> "Page[Row, Cursor]": ...

    @staticmethod
    def of(rows: Sequence[Any], limit: int, cursor: Callable[[Any], Any] | None = None) -> "Page[Any, Any]":
        """The page of `rows`, which were asked for with `limit`. Its cursor is the last row's id, or its `cursor`."""
        # A full page may be the last one: the next is then empty, which costs less than one row more each time.
        if len(rows) < limit:
            return Page(rows, None)
        last = rows[-1]
        return Page(rows, last.id if cursor is None else cursor(last))
