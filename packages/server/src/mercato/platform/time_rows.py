"""What time the database says it is."""

from datetime import datetime

from sqlalchemy import func, select

from mercato.platform.database import Session


async def database_time(session: Session) -> datetime:
    """The database's clock at this moment, not at the beginning of the transaction."""
    now: datetime | None = await session.scalar(select(func.clock_timestamp()))
    assert now is not None
    return now
