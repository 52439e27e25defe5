"""The questions about gateways to the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from mercato.metering.models import GatewayLife, Lease
from mercato.platform import Session

_MOST = 200


class GatewayRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def newest_lives(self) -> Sequence[Row[Any]]:
        """`gateway, life, seen_at, shipped_to, lives` of each gateway, the one that was heard last first."""
        own = (
            select(
                GatewayLife.gateway, GatewayLife.life, GatewayLife.seen_at, GatewayLife.shipped_to,
                func.count().over(partition_by=GatewayLife.gateway).label("lives"),
                func.row_number()
                .over(partition_by=GatewayLife.gateway, order_by=GatewayLife.seen_at.desc())
                .label("place"),
            )
            .order_by(GatewayLife.seen_at.desc())
            .subquery()
        )  # fmt: skip
        query = select(own).where(own.c.place == 1).order_by(own.c.seen_at.desc()).limit(_MOST)
        return (await self._session.execute(query)).all()

    async def open_leases(self) -> dict[str, int]:
        """How many slices each gateway holds."""
        query = select(Lease.gateway, func.count()).where(Lease.closed_at.is_(None)).group_by(Lease.gateway)
        return {row[0]: row[1] for row in await self._session.execute(query)}
