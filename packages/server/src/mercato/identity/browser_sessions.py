"""Sessions of browsers: an opaque token in a cookie, of which a digest is kept.

It is a login session like any other, shown in the same list and ended in the same ways. What differs is how it is
proved: the digest is made with a prefix, so a refresh token is no cookie and a cookie is no refresh token.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mercato.identity.caller import Caller
from mercato.identity.models import LoginSession, Organisation, User
from mercato.identity.news import SignedIn
from mercato.identity.people_rows import PeopleRows
from mercato.identity.permissions import Role, permissions_of
from mercato.identity.refusals import OrganisationSuspended
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.identity.sessions import Client
from mercato.identity.tokens import REFRESH_LIFETIME
from mercato.identity.view_as import seen_through
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix

IDLE = timedelta(hours=12)
"""A browser's session ends when it was not used for so long."""
_NOTED = timedelta(minutes=5)
"""How exactly its last use is kept; every request would else write a row."""
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """Whoever is signed in at a browser: the caller, and how they are called."""

    caller: Caller
    name: str
    email: str
    organisation_name: str


class BrowserSessions:
    """Begins and finds sessions of browsers within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._people = PeopleRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def begin(self, user: User, client: Client) -> str:
        """A new session of a person who has just proved who they are: the text of its cookie, shown once."""
        return await self.begin_proved_at(user, self._clock.now(), client)

    async def begin_proved_at(self, user: User, proved_at: datetime | None, client: Client) -> str:
        """The same for a person who proved at this time, elsewhere, who they are."""
        now = self._clock.now()
        session_id, secret = self._ids.new(id_prefix.SESSION), self._ids.secret(32).hex()
        self._rows.add(
            LoginSession(
                id=session_id,
                user_id=user.id,
                refresh_digest=_digest(secret),
                created_at=now,
                expires_at=now + REFRESH_LIFETIME,
                used_at=now,
                proved_at=proved_at,
                device=client.device,
                network=client.network,
            )
        )
        await self._outbox.add(self._session, SignedIn(by=user.id, session_id=session_id))
        return f"{session_id}.{secret}"

    async def find(self, token: str | None) -> SignedInPerson | None:
        """The person behind a cookie; `None` where its session is unknown, idle, expired or ended.

        Raises `OrganisationSuspended`.
        """
        session_id, _, secret = (token or "")[:_LONGEST_TOKEN].partition(".")
        found = await self._people.find_session_with_person(session_id) if secret else None
        if found is None or not hmac.compare_digest(found[0].refresh_digest, _digest(secret)):
            return None
        login, user, organisation, role = found
        now = self._clock.now()
        idle_since = login.used_at or login.created_at
        if (
            login.ended_at is not None
            or user.disabled_at is not None
            or now >= min(login.expires_at, idle_since + IDLE)
        ):
            return None
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)
        if now - idle_since >= _NOTED:
            login.used_at = now
        person = _person(login, user, organisation, Role(role))
        if login.view_id is None:
            return person
        caller = await seen_through(self._session, now, person.caller, login.view_id)
        shown = person.organisation_name if caller.viewing is None else caller.viewing.organisation
        return replace(person, caller=caller, organisation_name=shown)


def _digest(secret: str) -> str:
    return digest(f"browser.{secret}")


def _person(login: LoginSession, user: User, organisation: Organisation, role: Role) -> SignedInPerson:
    caller = Caller(
        organisation_id=organisation.id,
        organisation_slug=organisation.slug,
        actor=user.id,
        role=role,
        permissions=permissions_of(role, in_operator=organisation.is_operator),
        is_operator=organisation.is_operator,
        session_id=login.id,
        proved_at=login.proved_at,
        person_name=user.name,
    )
    return SignedInPerson(caller, user.name, user.email, organisation.name)
