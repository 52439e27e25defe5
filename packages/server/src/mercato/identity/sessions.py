"""Sessions of people: signed in with a password, kept by rotating refresh tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mercato.identity.caller import Caller
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import LoginSession, User
from mercato.identity.news import SessionsEnded
from mercato.identity.people_rows import PeopleRows
from mercato.identity.permissions import Permission
from mercato.identity.refusals import NotAllowed, OrganisationSuspended, RefreshTokenReused, SessionEnded, WrongPassword
from mercato.identity.repository import IdentityRepository
from mercato.identity.second_factors import SecondFactors
from mercato.identity.secrets import digest
from mercato.identity.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME, AccessClaims, AccessTokens
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a client keeps: the access token for calls, the refresh token for the next pair. Neither is logged."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Client:
    """Where a person signs in: how the client names itself, and the network that it is in."""

    device: str | None = None
    network: str | None = None


class Sessions:
    """Signs people in and out. A refresh token is `<session id>.<secret>`; each is good for one refresh."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        ids: Ids,
        tokens: AccessTokens,
        factors: SecondFactors,
        outbox: Outbox,
    ) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._people = PeopleRows(session)
        self._ways = LocalWays(session)
        self._factors = factors
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._tokens = tokens

    async def confirm(self, proven: User, code: str | None = None) -> User:
        """The person whose password was proven a moment ago, and whose second factor `code` proves if they have one.

        Raises `WrongPassword` where the password changed meanwhile; `PasswordsSwitchedOff`; `SecondFactorNeeded`,
        `WrongCode`.
        """
        user = await self._rows.find_user(proven.id)
        if user is None or user.disabled_at is not None or user.password_hash != proven.password_hash:
            raise WrongPassword("The address or the password is wrong.")
        await self._check_standing(user)
        await self._ways.require_password(user)
        await self._factors.check(user, code)
        return user

    def begin(self, user: User, client: Client | None = None) -> SessionTokens:
        """A new session of a person who has just proved who they are."""
        return self.begin_proved_at(user, self._clock.now(), client)

    def begin_proved_at(self, user: User, proved_at: datetime | None, client: Client | None = None) -> SessionTokens:
        """A new session of a person who proved who they are at this time, elsewhere."""
        client = client or Client()
        now = self._clock.now()
        login = LoginSession(
            id=self._ids.new(id_prefix.SESSION),
            user_id=user.id,
            refresh_digest="",
            created_at=now,
            expires_at=now + REFRESH_LIFETIME,
            used_at=now,
            proved_at=proved_at,
            device=client.device,
            network=client.network,
        )
        self._rows.add(login)
        return self._issue(login, user, now)

    async def refresh(self, refresh_token: str) -> SessionTokens:
        """The next pair of tokens. Raises `SessionEnded`; a token shown twice ends the whole session."""
        session_id, _, secret = refresh_token.partition(".")
        login = await self._rows.find_login_session(session_id, lock=True)
        now = self._clock.now()
        if login is None or login.ended_at is not None or login.expires_at <= now:
            raise SessionEnded("This session has ended.")
        user = await self._rows.find_user(login.user_id)
        if user is None or user.disabled_at is not None:
            raise SessionEnded("This session has ended.")
        await self._check_standing(user)
        if login.refresh_digest != digest(secret):
            login.ended_at = now
            raise RefreshTokenReused("This refresh token was used before, so the session was ended for safety.")
        login.used_at = now
        return self._issue(login, user, now)

    async def _check_standing(self, user: User) -> None:
        organisation = await self._rows.find_organisation(user.organisation_id)
        assert organisation is not None
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)

    async def sign_out(self, caller: Caller) -> None:
        """End the caller's session; its access tokens are refused from now on. A key has no session to end."""
        if caller.session_id is None:
            raise NotAllowed("A key has no session to sign out of; it can be revoked.")
        login = await self._rows.find_login_session(caller.session_id, lock=True)
        if login is not None and login.ended_at is None:
            login.ended_at = self._clock.now()

    async def prove_again(self, caller: Caller, *, proven: User | None, code: str | None) -> None:
        """The caller proves anew who they are, which is good for ten minutes: by a code where they have a second
        factor, else by their password (`proven`).

        Raises `SecondFactorNeeded`, `WrongCode`, `WrongPassword`, `NotAllowed`.
        """
        user = await self._rows.find_user(caller.actor) if caller.session_id else None
        if user is None:
            raise NotAllowed("A key cannot prove a person; sign in.")
        if await self._factors.is_needed(user.id):
            await self._factors.check(user, code)
        elif proven is None or proven.id != user.id or proven.password_hash != user.password_hash:
            raise WrongPassword("The password is wrong.")
        else:
            await self._ways.require_password(user)
        login = await self._rows.find_login_session(caller.session_id or "", lock=True)
        assert login is not None
        login.proved_at = self._clock.now()

    async def prove_by_passkey(self, caller: Caller, proven: User) -> None:
        """The caller proved anew, by a passkey of theirs, who they are. Raises `NotAllowed`."""
        login = await self._rows.find_login_session(caller.session_id or "", lock=True)
        if login is None or proven.id != caller.actor:
            raise NotAllowed("The passkey is somebody else's.")
        login.proved_at = self._clock.now()

    async def needs_code(self, caller: Caller) -> bool:
        """Whether the caller proves who they are by a second factor rather than by their password."""
        return await self._factors.is_needed(caller.actor)

    async def email_of(self, caller: Caller) -> str:
        """The caller's own address. Raises `NotAllowed` for a key."""
        user = await self._rows.find_user(caller.actor) if caller.session_id else None
        if user is None:
            raise NotAllowed("A key is no person; sign in.")
        return user.email

    async def list_of(self, caller: Caller, user_id: str | None = None) -> Sequence[LoginSession]:
        """The sessions in force of the caller, or of a colleague, the newest first. Raises `NotFound`, `NotAllowed`."""
        return await self._people.list_sessions(await self._whose(caller, user_id), self._clock.now())

    async def end(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's own sessions. Ending an ended one changes nothing. Raises `NotFound`."""
        login = await self._rows.find_login_session(session_id, lock=True)
        if login is None or login.user_id != caller.actor:
            raise NotFound(f"You have no session {session_id}.")
        if login.ended_at is None:
            login.ended_at = self._clock.now()
            await self._tell(caller, login.user_id, session_id)

    async def end_all(self, caller: Caller, user_id: str | None = None) -> int:
        """End all of a colleague's sessions, or all of the caller's own but this one; how many."""
        whose = await self._whose(caller, user_id)
        but = caller.session_id if whose == caller.actor else None
        ended = await self._people.end_sessions(whose, self._clock.now(), but=but)
        if ended:
            await self._tell(caller, whose, None)
        return ended

    async def _whose(self, caller: Caller, user_id: str | None) -> str:
        if user_id is None or user_id == caller.actor:
            if caller.session_id is None:
                raise NotAllowed("A key has no sessions; sign in as a person.")
            return caller.actor
        caller.require(Permission.USERS_WRITE)
        user = await self._rows.find_user(user_id)
        if user is None or user.organisation_id != caller.organisation_id:
            raise NotFound(f"There is no user {user_id}.")
        return user.id

    async def _tell(self, caller: Caller, user_id: str, session_id: str | None) -> None:
        await self._outbox.add(self._session, SessionsEnded(by=caller.actor, user_id=user_id, session_id=session_id))

    def _issue(self, login: LoginSession, user: User, now: datetime) -> SessionTokens:
        secret = self._ids.secret(32).hex()
        login.refresh_digest = digest(secret)
        return SessionTokens(
            access_token=self._tokens.sign(AccessClaims(user.id, login.id), now),
            access_expires_at=now + ACCESS_LIFETIME,
            refresh_token=f"{login.id}.{secret}",
            refresh_expires_at=login.expires_at,
        )
