"""Single calls: a list by any filter, the newest first; one call with what explains it; all of a period as a file."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from mercato.identity import Caller, Permission, keys_of_lineage
from mercato.metering.call_rows import CallFilter, CallRows
from mercato.metering.events import event_time, is_event_id
from mercato.metering.models import MeteredCall
from mercato.metering.refusals import CallNotFound, CursorForeign, FilterRefused, PeriodRefused
from mercato.metering.usage import Side
from mercato.platform import LineFormat, Malformed, Session


@dataclass(frozen=True, slots=True)
class CallsPage:
    """`next` continues with the same filters; a page that is shorter than asked for may still have one."""

    items: list[MeteredCall]
    next: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """What a call spent of one slice: of the counted `scope` in the window from `window_start`, while it is known."""

    lease: str
    units: int
    scope: str | None
    window_start: datetime | None


class Calls:
    """Each question is scoped by `side`: what the caller's organisation is in these calls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = CallRows(session)

    async def page(
        self, caller: Caller, wanted: CallFilter, *, side: Side, key_id: str | None, after: str | None, limit: int
    ) -> CallsPage:
        """Raises `PeriodRefused`, `FilterRefused`, `CursorForeign`."""
        scoped = await self.scope(caller, wanted, side=side, key_id=key_id)
        mark = _mark(caller, side, scoped)
        before = None if after is None else _read_cursor(after, mark)
        found = await self._rows.page(scoped, before, limit)
        return CallsPage(found.rows, None if found.place is None else f"{found.place[1]}.{mark}")

    async def scope(self, caller: Caller, wanted: CallFilter, *, side: Side, key_id: str | None) -> CallFilter:
        """The filter, narrowed to what the caller may see. Raises `PeriodRefused`, `FilterRefused`."""
        caller.require(Permission.MARKETPLACE_READ if side == "marketplace" else Permission.USAGE_READ)
        if wanted.since.tzinfo is None or wanted.until.tzinfo is None:
            raise Malformed("Times carry their offset, such as 2026-11-01T00:00:00Z.")
        if wanted.since >= wanted.until:
            raise PeriodRefused("The period ends before it begins.")
        if side == "vendor" and (key_id is not None or wanted.fallback is not None):
            raise FilterRefused("Vendors see neither keys nor fallbacks.", hidden=["key_id", "fallback"])
        own = caller.organisation_id
        if side == "consumer":
            wanted = replace(wanted, consumer_id=own)
        elif side == "vendor":
            wanted = replace(wanted, vendor_id=own)
        if key_id is None:
            return wanted
        keys = [key_id] if side == "marketplace" else await keys_of_lineage(self._session, own, key_id)
        return replace(wanted, keys=keys)

    async def find(self, caller: Caller, call_id: str) -> tuple[Side, MeteredCall]:
        """The call, and as what the caller sees it. Raises `CallNotFound`."""
        caller.require(Permission.USAGE_READ)
        call = await self._rows.find(call_id, event_time(call_id)) if is_event_id(call_id) else None
        if call is not None and call.consumer_id == caller.organisation_id:
            return "consumer", call
        if call is not None and call.vendor_id == caller.organisation_id:
            return "vendor", call
        if call is not None and caller.may(Permission.MARKETPLACE_READ):
            return "marketplace", call
        raise CallNotFound(f"Your organisation has no call {call_id[:60]}.", call=call_id[:60])

    async def slices(self, call: MeteredCall) -> list[Slice] | None:
        """What the call spent of which limits; `None` of a call from before this was kept."""
        if call.spends is None:
            return None
        known = await self._rows.scopes([lease for lease, _ in call.spends]) if call.spends else {}
        return [Slice(lease, units, *known.get(lease, (None, None))) for lease, units in call.spends]


async def export_lines(
    session: Session, scoped: CallFilter, kind: LineFormat, columns: Sequence[str]
) -> AsyncIterator[bytes]:
    """These columns, of `EXPORTED`, of all calls of a filter that `Calls.scope` gave, some at a time; newest first."""
    rows = CallRows(session)
    await rows.let_run()
    async for some in rows.lines(scoped, kind, columns):
        yield some


def _mark(caller: Caller, side: Side, wanted: CallFilter) -> str:
    """Eight digits of which list a cursor belongs to: whose, and how it is narrowed. The period may move."""
    narrowed = {name: value for name, value in asdict(wanted).items() if name not in ("since", "until")}
    text = repr((caller.organisation_id, side, sorted(narrowed.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _read_cursor(after: str, mark: str) -> tuple[datetime, str]:
    call_id, _, of = after.partition(".")
    if not is_event_id(call_id) or of != mark:
        raise CursorForeign("`after` is no cursor of this list with these filters.")
    return event_time(call_id), call_id
