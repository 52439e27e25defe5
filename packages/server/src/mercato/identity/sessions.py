"""Sessions of people: signed in with a password, kept by rotating refresh tokens."""

from dataclasses import dataclass
from datetime import datetime

from mercato.identity.caller import Caller
from mercato.identity.models import LoginSession, User
from mercato.identity.refusals import NotAllowed, RefreshTokenReused, SessionEnded, WrongPassword
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.identity.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME, AccessClaims, AccessTokens
from mercato.platform import Clock, Ids, Session
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a client keeps: the access token for calls, the refresh token for the next pair. Neither is logged."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


class Sessions:
    """Signs people in and out. A refresh token is `<session id>.<secret>`; each is good for one refresh."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, tokens: AccessTokens) -> None:
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._tokens = tokens

    async def confirm(self, proven: User) -> User:
        """The person whose password was proven a moment ago. Raises `WrongPassword` where that changed meanwhile."""
        user = await self._rows.find_user(proven.id)
        if user is None or user.disabled_at is not None or user.password_hash != proven.password_hash:
            raise WrongPassword("The address or the password is wrong.")
        return user

    def begin(self, user: User) -> SessionTokens:
        """A new session of a person who has proved who they are."""
        now = self._clock.now()
        login = LoginSession(
            id=self._ids.new(id_prefix.SESSION),
            user_id=user.id,
            refresh_digest="",
            created_at=now,
            expires_at=now + REFRESH_LIFETIME,
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
        if login.refresh_digest != digest(secret):
            login.ended_at = now
            raise RefreshTokenReused("This refresh token was used before, so the session was ended for safety.")
        return self._issue(login, user, now)

    async def sign_out(self, caller: Caller) -> None:
        """End the caller's session; its access tokens are refused from now on. A key has no session to end."""
        if caller.session_id is None:
            raise NotAllowed("A key has no session to sign out of; it can be revoked.")
        login = await self._rows.find_login_session(caller.session_id, lock=True)
        if login is not None and login.ended_at is None:
            login.ended_at = self._clock.now()

    def _issue(self, login: LoginSession, user: User, now: datetime) -> SessionTokens:
        secret = self._ids.secret(32).hex()
        login.refresh_digest = digest(secret)
        return SessionTokens(
            access_token=self._tokens.sign(AccessClaims(user.id, login.id), now),
            access_expires_at=now + ACCESS_LIFETIME,
            refresh_token=f"{login.id}.{secret}",
            refresh_expires_at=login.expires_at,
        )
