"""Viewing as somebody else: an operator reads what one person of one organisation can read, for half an hour.

The rights are those that both have, and only those that read. The actor stays the operator, so what belongs to the
person alone (sessions, passkeys, proofs) is never shown, and every entry of the audit log names who looked.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mercato.identity.caller import Caller, ViewOf
from mercato.identity.models import Organisation, User
from mercato.identity.news import ViewAsBegan, ViewAsEnded, ViewAsSettingChanged
from mercato.identity.permissions import ADMINISTRATORS, READS, Permission, Role, permissions_of
from mercato.identity.refusals import NotAllowed, OrganisationSuspended
from mercato.identity.view_as_models import View
from mercato.identity.view_as_refusals import ViewAsAdministrator, ViewAsForbidden, ViewAsNobody
from mercato.identity.view_as_rows import ViewRows
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix

LONGEST = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class ViewedPerson:
    """A view with the names of who is in it."""

    view: View
    person: str
    viewer: str


class Views:
    """Views of one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ViewRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def begin(self, caller: Caller, user_id: str, organisation_id: str | None, reason: str) -> ViewAsBegan:
        """The caller's session shows from the next request on what this person reads: in `organisation_id`, or with
        `None` in the person's own organisation.

        The news is written here; its entry in the audit log is the room above's, in the same transaction.

        Raises `NotAllowed`, `StepUpNeeded`, `NotFound`, `ViewAsAdministrator`, `ViewAsForbidden`, `ViewAsNobody`,
        `OrganisationSuspended`.
        """
        caller.require(Permission.PEOPLE_VIEW_AS)
        login = None if caller.session_id is None else await self._rows.find_session(caller.session_id)
        if login is None:
            raise NotAllowed("A key views as nobody; sign in as a person.")
        now = self._clock.now()
        caller.require_recent_proof(now)
        user, organisation = await self._target(user_id, organisation_id)
        view = View(
            id=self._ids.new(id_prefix.VIEW), session_id=login.id, viewed_by=caller.actor, user_id=user.id,
            organisation_id=organisation.id, reason=reason, began_at=now, ends_at=now + LONGEST,
        )  # fmt: skip
        self._rows.add(view)
        await self._session.flush()
        await self._check(view)
        login.view_id = view.id
        began = ViewAsBegan(
            by=caller.actor, user_id=user.id, organisation_id=organisation.id, view_id=view.id, reason=reason,
            ends_at=view.ends_at.isoformat(),
        )  # fmt: skip
        await self._outbox.add(self._session, began)
        return began

    async def end(self, caller: Caller) -> None:
        """The caller's session is their own again. Without a view nothing changes. Raises `NotAllowed`."""
        login = None if caller.session_id is None else await self._rows.find_session(caller.session_id)
        if login is None:
            raise NotAllowed("A key views as nobody; sign in as a person.")
        view_id, login.view_id = login.view_id, None
        found = None if view_id is None else await self._rows.find_view(view_id)
        now = self._clock.now()
        if found is not None and found.ended_at is None and found.ends_at > now:
            found.ended_at = now
            await self._tell_end(caller, found)

    async def page(self, caller: Caller, *, before: str | None, limit: int) -> list[ViewedPerson]:
        """Who looked at the caller's organisation; for somebody of the operator, whom they viewed as."""
        caller.require(Permission.ORGANISATION_READ)
        if caller.is_operator:
            found = await self._rows.page_of_viewer(caller.actor, before, limit)
        else:
            found = await self._rows.page(caller.organisation_id, before, limit)
        # Who works for the operator is no business of others, as in the audit log.
        return [ViewedPerson(view, person, viewer if caller.is_operator else "") for view, person, viewer in found]

    async def is_allowed(self, caller: Caller) -> bool:
        """Whether the caller's organisation lets operators view as its people."""
        caller.require(Permission.ORGANISATION_READ)
        organisation = await self._rows.find_organisation(caller.organisation_id)
        assert organisation is not None
        return organisation.allows_views

    async def allow(self, caller: Caller, *, allowed: bool) -> None:
        """Let operators view as the organisation's people, or no longer, which ends the views in force.

        The same again changes nothing. Raises `NotAllowed`, `StepUpNeeded`.
        """
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())
        organisation = await self._rows.find_organisation(caller.organisation_id, lock=True)
        assert organisation is not None
        if organisation.allows_views == allowed:
            return
        before, organisation.allows_views = organisation.allows_views, allowed
        changed = ViewAsSettingChanged(
            by=caller.actor, organisation_id=organisation.id, before={"allowed": before}, after={"allowed": allowed}
        )
        await self._outbox.add(self._session, changed)
        if not allowed:
            for view in await self._rows.end_all(organisation.id, self._clock.now()):
                await self._tell_end(caller, view)

    async def _target(self, user_id: str, organisation_id: str | None) -> tuple[User, Organisation]:
        """Whom and where. Raises `NotFound`."""
        user = await self._rows.find_person(user_id)
        if user is None:
            raise NotFound(f"There is no person {user_id}.", user=user_id)
        # Locked before the rest is read: whoever forbids views at the same moment ends this one, or it is refused.
        organisation = await self._rows.find_organisation(organisation_id or user.organisation_id, lock=True)
        if organisation is None:
            raise NotFound(f"There is no organisation {organisation_id}.", organisation=organisation_id or "")
        return user, organisation

    async def _check(self, view: View) -> None:
        """Raises why the view may not be."""
        found = await self._rows.find(view.id)
        if found is None:
            raise NotFound(f"{view.user_id} is not in that organisation.", user=view.user_id)
        _, user, organisation, role = found
        if organisation.is_operator or Role(role) in ADMINISTRATORS:
            raise ViewAsAdministrator("This person is an administrator, or one of the operator's people.")
        if not organisation.allows_views:
            raise ViewAsForbidden(f"{organisation.name} does not let operators view as its people.")
        if user.disabled_at is not None:
            raise ViewAsNobody("This person cannot sign in.")
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)

    async def _tell_end(self, caller: Caller, view: View) -> None:
        ended = ViewAsEnded(
            by=caller.actor, user_id=view.user_id, organisation_id=view.organisation_id, view_id=view.id
        )
        await self._outbox.add(self._session, ended)


async def seen_through(session: Session, now: datetime, caller: Caller, view_id: str) -> Caller:
    """The caller as the view shows them, as long as it is in force; else themselves.

    Everything that a view needs is looked at anew for each request: a person who becomes an administrator, an
    organisation that forbids it and an operator who loses the right end it at once.
    """
    found = await ViewRows(session).find(view_id)
    if found is None or not caller.may(Permission.PEOPLE_VIEW_AS):
        return caller
    view, user, organisation, role = found
    is_over = view.session_id != caller.session_id or view.ended_at is not None or now >= view.ends_at
    is_refused = organisation.is_operator or not organisation.allows_views or Role(role) in ADMINISTRATORS
    if is_over or is_refused or user.disabled_at is not None or organisation.suspended_at is not None:
        return caller
    theirs = permissions_of(Role(role), in_operator=False)
    shown = ViewOf(
        id=view.id, user_id=user.id, name=user.name, organisation=organisation.name, reason=view.reason,
        ends_at=view.ends_at,
    )  # fmt: skip
    return replace(
        caller,
        organisation_id=organisation.id,
        organisation_slug=organisation.slug,
        role=Role(role),
        permissions=caller.permissions & theirs & READS,
        is_operator=False,
        proved_at=None,
        viewing=shown,
    )
