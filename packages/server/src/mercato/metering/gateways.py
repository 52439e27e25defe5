"""Gateways as the control plane knows them: when each was heard, what it borrowed, how far its usage has come."""

from dataclasses import dataclass
from datetime import datetime

from mercato.identity import Caller, Permission
from mercato.metering.gateway_rows import GatewayRows
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class GatewayNow:
    """One gateway process: its newest life, and the leases that it has not given back."""

    gateway: str
    life: str
    seen_at: datetime
    shipped_to: datetime | None
    leases: int
    lives: int


class Gateways:
    """For operators."""

    def __init__(self, session: Session) -> None:
        self._rows = GatewayRows(session)

    async def list_all(self, caller: Caller) -> list[GatewayNow]:
        """Those heard last come first; at most 200."""
        caller.require(Permission.MARKETPLACE_READ)
        open_leases = await self._rows.open_leases()
        return [
            GatewayNow(row.gateway, row.life, row.seen_at, row.shipped_to, open_leases.get(row.gateway, 0), row.lives)
            for row in await self._rows.newest_lives()
        ]
