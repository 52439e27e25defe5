"""Who holds a name in the marketplace just now: each worker its own, one run of Redis the counting.

Times are PostgreSQL's: the clocks of machines may differ. A holder that says nothing for long is taken for dead by
whoever needs the name; that may be wrong, so what depends on it must stand two of them for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform.database import Base, Session


class NameHolder(Base):
    """A name and who holds it; `at` is when that was last reported."""

    __tablename__ = "name_holders"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Holding:
    """The last report about a name, and how long ago it came."""

    name: str
    holder: str
    age: timedelta


async def hold_name(session: Session, name: str, holder: str) -> str | None:
    """`holder` has the name from now on, whoever had it; returns who that was."""
    before = await holder_of(session, name)
    now = func.clock_timestamp()
    row = insert(NameHolder).values(name=name, holder=holder, at=now)
    await session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"holder": holder, "at": now}))
    return before


async def note_name(session: Session, name: str, holder: str, *, age: timedelta = timedelta()) -> None:
    """Said of a name that nobody has, as if so long ago; a name that somebody has stays as it is."""
    row = insert(NameHolder).values(name=name, holder=holder, at=func.clock_timestamp() - age)
    await session.execute(row.on_conflict_do_nothing())


async def holder_of(session: Session, name: str) -> str | None:
    """Who has the name."""
    return await session.scalar(select(NameHolder.holder).where(NameHolder.name == name))


async def list_holdings(session: Session, prefix: str) -> Sequence[Holding]:
    """All names that begin so."""
    age = func.clock_timestamp() - NameHolder.at
    query = select(NameHolder.name, NameHolder.holder, age).where(NameHolder.name.startswith(prefix, autoescape=True))
    return [Holding(*row) for row in await session.execute(query.order_by(NameHolder.name))]


async def let_name_go(session: Session, name: str, holder: str) -> None:
    """Nobody has the name, if `holder` had it."""
    await session.execute(delete(NameHolder).where(NameHolder.name == name, NameHolder.holder == holder))
