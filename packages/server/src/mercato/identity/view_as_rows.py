"""Questions to the database about views."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import aliased

from mercato.identity.membership_models import Membership
from mercato.identity.models import LoginSession, Organisation, User
from mercato.identity.view_as_models import View
from mercato.platform import Session


class ViewRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, view: View) -> None:
        """Write the row with this transaction."""
        self._session.add(view)

    async def find_view(self, view_id: str) -> View | None:
        return await self._session.get(View, view_id)

    async def find(self, view_id: str) -> tuple[View, User, Organisation, str] | None:
        """With whom it shows, where, and their role there now; `None` where they have none there any more."""
        found = await self._session.execute(
            select(View, User, Organisation, Membership.role)
            .join(User, User.id == View.user_id)
            .join(Organisation, Organisation.id == View.organisation_id)
            .outerjoin(
                Membership,
                (Membership.user_id == View.user_id) & (Membership.organisation_id == View.organisation_id),
            )
            .where(View.id == view_id)
        )
        row = found.one_or_none()
        if row is None:
            return None
        view, user, organisation, member_role = row
        role = user.role if user.organisation_id == organisation.id else member_role
        return None if role is None else (view, user, organisation, role)

    async def find_organisation(self, organisation_id: str, *, lock: bool = False) -> Organisation | None:
        """Locked: no view begins while its organisation forbids views."""
        query = select(Organisation).where(Organisation.id == organisation_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_person(self, user_id: str) -> User | None:
        return await self._session.get(User, user_id)

    async def find_session(self, session_id: str) -> LoginSession | None:
        query = select(LoginSession).where(LoginSession.id == session_id)
        return await self._session.scalar(query.with_for_update())

    async def page(self, organisation_id: str, before: str | None, limit: int) -> list[tuple[View, str, str]]:
        """The newest first, with the names of whom it showed and of who looked."""
        return await self._page(View.organisation_id == organisation_id, before, limit)

    async def page_of_viewer(self, user_id: str, before: str | None, limit: int) -> list[tuple[View, str, str]]:
        """The same, of one person of the operator."""
        return await self._page(View.viewed_by == user_id, before, limit)

    async def end_all(self, organisation_id: str, now: datetime) -> list[View]:
        """Those in force of an organisation, which end now."""
        in_force = (View.organisation_id == organisation_id) & View.ended_at.is_(None) & (View.ends_at > now)
        ended = await self._session.scalars(update(View).where(in_force).values(ended_at=now).returning(View))
        return list(ended)

    async def _page(self, whose: ColumnElement[bool], before: str | None, limit: int) -> list[tuple[View, str, str]]:
        viewer = aliased(User)
        query = (
            select(View, User.name, viewer.name)
            .join(User, User.id == View.user_id)
            .join(viewer, viewer.id == View.viewed_by)
            .where(whose)
            .order_by(View.id.desc())
            .limit(limit)
        )
        rows = await self._session.execute(query if before is None else query.where(View.id < before))
        return [(row[0], row[1], row[2]) for row in rows]
