"""Slices of counted scopes for gateways, at the caps that the control plane knows."""

from mercato.consumption.limits import Limits
from mercato.metering import Counters, Holder, Want
from mercato_contracts.dataplane import LeaseAnswer, LeaseBatch, LeaseBatchAnswer, LeaseDenial, LeaseRequest, Limit

# A scope without a cap is not lent; the gateway that asks has an outdated view, which it refreshes within a minute.
_UNKNOWN_RESET_MS = 60_000


class Lending:
    """Answers a gateway's batch."""

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self._limits = limits
        self._counters = counters

    async def lend(self, batch: LeaseBatch) -> LeaseBatchAnswer:
        """One answer per request, in order. Unknown scopes are denied."""
        scopes = {want.scope for request in batch.requests for want in request.wants}
        limits = await self._limits.find(scopes)
        denied = {number: _deny_unknown(request, limits) for number, request in enumerate(batch.requests)}
        known = [request for number, request in enumerate(batch.requests) if denied[number] is None]
        holder = Holder(batch.gateway, batch.life)
        lent = iter(await self._counters.lease(holder, [_wants(request, limits) for request in known], batch.batch))
        return LeaseBatchAnswer(answers=[denied[number] or next(lent) for number in range(len(batch.requests))])


async def take_back_abandoned(counters: Counters, batch: LeaseBatch) -> int:
    """Closes the leases of the batches named `abandoned`; returns how many. Runs in a transaction before `lend`'s."""
    return await counters.abandon(Holder(batch.gateway, batch.life), batch.abandoned)


def _deny_unknown(request: LeaseRequest, limits: dict[str, Limit]) -> LeaseAnswer | None:
    for want in request.wants:
        if want.scope not in limits:
            return LeaseAnswer(denied=LeaseDenial(scope=want.scope, cap=0, left=0, reset_ms=_UNKNOWN_RESET_MS))
    return None


def _wants(request: LeaseRequest, limits: dict[str, Limit]) -> list[Want]:
    return [Want(limits[want.scope], want.least, want.most) for want in request.wants]
