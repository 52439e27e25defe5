"""Rows with something sealed: which key sealed them, and sealing them again with the newest key."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from mercato.platform.clock import Ids
from mercato.platform.database import Database, Session
from mercato.platform.marketplace_secret import MarketplaceSecret, Seal
from mercato.platform.secrets import Purpose, SealBroken

_AT_ONCE = 100
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed bytes. `what` it holds, in plain words; `name` and `place` give what a row is sealed with."""

    what: str
    purpose: Purpose
    column: InstrumentedAttribute[bytes]
    name: Callable[[Any], str]
    place: Callable[[Any], str] = lambda row: ""


async def count_by_key(session: Session, secret: MarketplaceSecret, sealed: SealedColumn) -> Counter[str]:
    """By the id of a key, how many rows it sealed; by an empty id, how many open with none."""
    seal, found = Seal(secret, sealed.purpose), Counter[str]()
    async for rows in _walk(session, sealed):
        found.update(_open(seal, sealed, row)[0] for row in rows)
    return found


async def reseal(database: Database, ids: Ids, secret: MarketplaceSecret, sealed: SealedColumn) -> int:
    """Seal every row anew that another key than the newest sealed; returns how many.

    Each batch is a transaction, so a command that is killed leaves rows that one of the keys opens. A row that no key
    opens stays as it is.
    """
    seal, newest, count, last = Seal(secret, sealed.purpose), secret.newest.id, 0, None
    while True:
        async with database.transaction() as session:
            rows = await _read(session, sealed, last, lock=True)
            for row in rows:
                key_id, content = _open(seal, sealed, row)
                if key_id in ("", newest):
                    continue
                again = seal.seal(sealed.name(row), ids.secret(_NONCE_BYTES), content, place=sealed.place(row))
                setattr(row, sealed.column.key, again)
                count += 1
            if not rows:
                return count
            last = _key_of(rows[-1])


def _open(seal: Seal, sealed: SealedColumn, row: Any) -> tuple[str, bytes]:
    try:
        return seal.open_with_id(sealed.name(row), getattr(row, sealed.column.key), place=sealed.place(row))
    except SealBroken:
        return "", b""


async def _walk(session: Session, sealed: SealedColumn) -> AsyncIterator[Sequence[Any]]:
    last = None
    while rows := await _read(session, sealed, last, lock=False):
        yield rows
        last = _key_of(rows[-1])


async def _read(session: Session, sealed: SealedColumn, after: Any, *, lock: bool) -> Sequence[Any]:
    model = sealed.column.class_
    key = inspect(model).primary_key
    query = select(model).order_by(*key).limit(_AT_ONCE)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return (await session.scalars(query.with_for_update() if lock else query)).all()


def _key_of(row: Any) -> tuple[Any, ...]:
    return tuple(inspect(row).identity)
