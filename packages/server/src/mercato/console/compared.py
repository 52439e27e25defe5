"""The last comparison of the shown sums with the ledger, as the reader may see it."""

from mercato.billing import Agreement, Agreements
from mercato.console.visit import Visit
from mercato.identity import Permission
from mercato.metering import Side
from mercato.platform import Session


async def last_compared(visit: Visit, session: Session, side: Side) -> Agreement | None:
    """The newest day that was compared; `None` before the first one, and for those who may not read bills."""
    if not visit.caller.may(Permission.BILLING_READ):
        return None
    days = await Agreements(session, visit.wiring.clock).page(visit.caller, side=side, before=None, limit=1)
    return days[0] if days else None
