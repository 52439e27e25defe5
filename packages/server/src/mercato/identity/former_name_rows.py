"""Names and addresses that people had before: whoever is erased is looked for by these too."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from mercato.identity.models import User
from mercato.identity.scim_models import FormerName
from mercato.platform import Session


async def keep_former_name(session: Session, user: User, now: datetime) -> None:
    """Keep what the person is called at present, before it changes. Again changes nothing."""
    row = upsert(FormerName).values(user_id=user.id, email=user.email, name=user.name, until=now)
    await session.execute(row.on_conflict_do_nothing())


async def former_names(session: Session, user_id: str) -> tuple[tuple[str, str], ...]:
    """Pairs of address and name."""
    query = select(FormerName.email, FormerName.name).where(FormerName.user_id == user_id)
    found = await session.execute(query.order_by(FormerName.email, FormerName.name))
    return tuple((row.email, row.name) for row in found)
