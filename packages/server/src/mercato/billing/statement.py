"""An organisation's statement: every posting of its accounts with its document, and its balances."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import date

from mercato.billing.refusals import StatementPeriodRefused
from mercato.billing.statement_rows import Entry, Standing, StatementRows, UnbilledLine
from mercato.identity import Caller, Permission
from mercato.metering import CursorForeign, Side
from mercato.platform import LineFormat, Session

STATEMENT_COLUMNS = tuple(field.name for field in fields(Entry))
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d{1,18})\.([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of a period, the newest first. `opening` is what stood before it, `closing` after it, by currency."""

    entries: list[Entry]
    next: str | None
    opening: dict[str, int]
    closing: dict[str, int]


class Statements:
    """Reads one organisation's money, as a consumer or as a vendor. Operators see everybody's."""

    def __init__(self, session: Session) -> None:
        self._rows = StatementRows(session)

    async def page(
        self, caller: Caller, *, side: Side, since: date, until: date, after: str | None, limit: int
    ) -> Statement:
        """Raises `StatementPeriodRefused`, `CursorForeign`."""
        owner = check_scope(caller, side, since, until)
        mark = hashlib.sha256(f"{caller.organisation_id} {side} statement".encode()).hexdigest()[:8]
        place = None if after is None else _read_cursor(after, mark)
        rows = await self._rows.page(side, owner, since, until, place, limit)
        return Statement(
            rows,
            f"{rows[-1].day}.{rows[-1].number}.{mark}" if len(rows) == limit else None,
            await self._rows.sum_before(side, owner, since),
            await self._rows.sum_before(side, owner, until),
        )

    async def balance(self, caller: Caller, side: Side) -> list[Standing]:
        """Each account, and the part of it that is on no document yet."""
        return await self._rows.standings(side, _owner(caller, side))

    async def unbilled(self, caller: Caller, side: Side) -> list[UnbilledLine]:
        """The lines that the next invoice or payout would have if it were made now."""
        _owner(caller, side)
        return await self._rows.unbilled(side, caller.organisation_id)


def check_scope(caller: Caller, side: Side, since: date, until: date) -> str | None:
    """Whose accounts count; `None` for everybody's. Raises `StatementPeriodRefused`."""
    if since >= until:
        raise StatementPeriodRefused("The period ends before it begins.")
    return _owner(caller, side)


async def statement_lines(
    session: Session, kind: LineFormat, side: Side, owner: str | None, since: date, until: date
) -> AsyncIterator[bytes]:
    """All of a period as lines of `STATEMENT_COLUMNS`, some at a time; `owner` is what `check_scope` gave."""
    async for some in StatementRows(session).lines(kind, side, owner, since, until):
        yield some


def _owner(caller: Caller, side: Side) -> str | None:
    caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.BILLING_READ)
    return None if side == "marketplace" else caller.organisation_id


def _read_cursor(after: str, mark: str) -> tuple[date, int]:
    found = _CURSOR.fullmatch(after)
    try:
        if found is not None and found.group(3) == mark:
            return date.fromisoformat(found.group(1)), int(found.group(2))
    except ValueError:
        pass
    raise CursorForeign("`after` is no cursor of this statement.")
