"""Login of a device that has no browser (RFC 8628): it shows a code, a person types the code elsewhere and approves.

The device's own code is a secret of 256 bits, kept as its digest. The person's code is short enough to type, good for
ten minutes, for one login, and only for somebody who has signed in: guessing it needs an account and wins a login as
oneself. Approving is two steps, so that nobody approves what they did not see: signing in gives a confirmation of 256
bits for this one login, and only that confirmation approves. No cookie is involved, so no other site can do it for the
person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.identity.attempts import Attempts
from mercato.identity.models import DeviceLogin, Organisation, User
from mercato.identity.refusals import (
    AuthorizationPending,
    DeviceCodeExpired,
    DeviceCodeUnknown,
    DeviceDenied,
    DevicePollsTooFast,
    UserCodeUnknown,
)
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.identity.sessions import Client, Sessions, SessionTokens
from mercato.platform import Clock, Ids, Session
from mercato_contracts import ids as id_prefix

LIFETIME = timedelta(minutes=10)
INTERVAL_SECONDS = 5
_SLOWER_SECONDS = 5
"""Added to the interval each time a device asks too soon. Source: RFC 8628, section 3.5."""

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Twenty consonants: no word can be made of them, and none looks like a digit. Source: RFC 8628, section 6.1."""

_LENGTH = 8
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """The codes for a device: its secret, and the one that it shows to a person."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a signed-in person is asked; `confirmation` answers it once."""

    user: User
    organisation: Organisation
    device: str
    user_code: str
    confirmation: str


class DeviceLogins:
    """The logins of devices, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, sessions: Sessions) -> None:
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._sessions = sessions
        self._attempts = Attempts(session, clock)

    async def begin(self, device: str) -> DeviceCodes:
        """Codes for a device that calls itself `device`; the name is shown to the person who approves."""
        secret = self._ids.secret(32).hex()
        now = self._clock.now()
        login = DeviceLogin(
            id=self._ids.new(id_prefix.DEVICE_LOGIN),
            device_digest=digest(secret),
            user_code=await self._unused_code(),
            device=device,
            state="pending",
            interval_seconds=INTERVAL_SECONDS,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        self._rows.add(login)
        return DeviceCodes(secret, spell(login.user_code), int(LIFETIME.total_seconds()), INTERVAL_SECONDS)

    async def ask(self, user_code: str, proven: User, code: str | None = None) -> Question:
        """What the person who has just proved their password, and by `code` their second factor, would approve.

        Raises `WrongPassword`, `SecondFactorNeeded`, `WrongCode`; `UserCodeUnknown`, which counts against the person;
        `TooManyAttempts`.
        """
        return await self.ask_as(await self._sessions.confirm(proven, code), user_code, self._clock.now())

    async def ask_as(self, user: User, user_code: str, proved_at: datetime | None) -> Question:
        """The same for somebody who proved at this time, elsewhere, who they are."""
        guessed = f"device code:{user.id}"
        await self._attempts.check(guessed)
        login = await self._rows.find_device_login(user_code=read_code(user_code), lock=True)
        if login is None or login.state != "pending" or login.expires_at <= self._clock.now():
            await self._attempts.failed(guessed)
            raise UserCodeUnknown("No device waits with this code, or no longer.")
        organisation = await self._rows.find_organisation(user.organisation_id)
        assert organisation is not None
        confirmation = self._ids.secret(32).hex()
        login.user_id, login.confirmation_digest, login.proved_at = user.id, digest(confirmation), proved_at
        return Question(user, organisation, login.device, spell(login.user_code), confirmation)

    async def decide(self, confirmation: str, *, approved: bool) -> bool:
        """Approve or deny what was asked. Raises `UserCodeUnknown` for an answer that came too late or twice."""
        login = await self._rows.find_device_login(confirmation_digest=digest(confirmation), lock=True)
        if login is None or login.state != "pending" or login.expires_at <= self._clock.now():
            raise UserCodeUnknown("This question was answered already, or it took too long.")
        login.state = "approved" if approved else "denied"
        login.confirmation_digest = None
        return approved

    async def collect(self, device_code: str) -> SessionTokens:
        """The device's tokens, once. Raises what RFC 8628, section 3.5 names, until the person has decided."""
        login = await self._rows.find_device_login(device_digest=digest(device_code), lock=True)
        if login is None or login.state == "used":
            raise DeviceCodeUnknown("This device code was never given out, or was used.")
        now = self._clock.now()
        if login.expires_at <= now:
            raise DeviceCodeExpired("Nobody approved this login in time.")
        too_soon = login.asked_at is not None and (now - login.asked_at).total_seconds() < login.interval_seconds
        login.asked_at = now
        if login.state == "denied":
            raise DeviceDenied("The person denied this login.")
        if too_soon:
            login.interval_seconds += _SLOWER_SECONDS
            raise DevicePollsTooFast(
                f"Ask every {login.interval_seconds} seconds at most.", interval=login.interval_seconds
            )
        if login.state == "pending":
            raise AuthorizationPending("Nobody has decided about this login yet.")
        user = await self._rows.find_user(login.user_id or "")
        if user is None or user.disabled_at is not None:
            raise DeviceDenied("The person who approved may no longer sign in.")
        login.state = "used"
        return self._sessions.begin_proved_at(user, login.proved_at, Client(device=login.device))

    async def forget(self) -> int:
        """Delete those that ended a day ago; how many."""
        return await self._rows.forget_device_logins(self._clock.now() - _KEPT)

    async def _unused_code(self) -> str:
        while True:
            code = self._draw()
            if await self._rows.find_device_login(user_code=code) is None:
                return code

    def _draw(self) -> str:
        """Eight of twenty letters, 34.5 bits; bytes that would favour some letters are drawn again."""
        letters = ""
        while len(letters) < _LENGTH:
            letters += "".join(_LETTERS[byte % 20] for byte in self._ids.secret(16) if byte < 240)
        return letters[:_LENGTH]


def spell(code: str) -> str:
    """As a person reads it: `BCDF-GHJK`."""
    return f"{code[:4]}-{code[4:]}"


def read_code(text: str) -> str:
    """As a person may type it: small letters, spaces and hyphens do not matter."""
    return "".join(each for each in text.upper() if each in _LETTERS)[: _LENGTH + 1]
