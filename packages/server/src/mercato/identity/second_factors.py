"""Second factors: authenticator apps (TOTP) and recovery codes.

Source: RFC 6238 (30-second steps, six digits, SHA-1, as every authenticator app expects). A code of the step before or
after is accepted, because clocks differ; a code is accepted once. Wrong codes count like wrong passwords
(`attempts.py`).
"""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyotp

from mercato.identity.attempts import Attempts
from mercato.identity.caller import Caller
from mercato.identity.models import RecoveryCode, SecondFactor, User
from mercato.identity.news import SecondFactorChanged
from mercato.identity.people_rows import PeopleRows
from mercato.identity.refusals import NotAllowed, SecondFactorNeeded, TooManySecondFactors, WrongCode
from mercato.identity.secrets import digest
from mercato.platform import Clock, Ids, MarketplaceSecret, NotFound, Outbox, Purpose, Seal, Session
from mercato_contracts import ids as id_prefix

ISSUER = "Mercato"
RECOVERY_CODES = 10
MOST_FACTORS = 5
_STEP_SECONDS = 30
_DRIFT_STEPS = 1
_TOTP_BYTES = 20
"""160 bits. Source: RFC 4226, section 4, requirement R6."""
_RECOVERY_BYTES = 10


class FactorSeal:
    """Seals the secrets of authenticator apps. `secret` is the marketplace's own."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._seal = Seal(secret, Purpose.SECOND_FACTOR)

    def seal(self, user_id: str, factor_id: str, nonce: bytes, secret: bytes) -> bytes:
        """Bound to the person and the factor: a row copied to another does not open."""
        return self._seal.seal(user_id, nonce, secret, place=factor_id)

    def open(self, factor: SecondFactor) -> bytes:
        """Raises `SealBroken`."""
        return self._seal.open(factor.user_id, factor.sealed_secret, place=factor.id)


@dataclass(frozen=True, slots=True)
class NewFactor:
    """What an authenticator app needs, shown once: the secret in base32 and the address that its QR code holds."""

    row: SecondFactor
    secret: str
    uri: str


class SecondFactors:
    """The second factors of people, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, seal: FactorSeal) -> None:
        self._session = session
        self._rows = PeopleRows(session)
        self._attempts = Attempts(session, clock)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._seal = seal

    async def list_own(self, caller: Caller) -> tuple[Sequence[SecondFactor], int]:
        """The caller's confirmed factors, and how many recovery codes are left."""
        user_id = _person(caller)
        factors = [each for each in await self._rows.list_factors(user_id) if each.confirmed_at is not None]
        return factors, await self._rows.count_recovery_codes(user_id)

    async def add(self, caller: Caller, name: str, email: str) -> NewFactor:
        """A factor that counts once `confirm` has seen its first code.

        Raises `StepUpNeeded`, `TooManySecondFactors`.
        """
        user_id = _person(caller)
        # Its codes are proofs: with a stolen session it would turn that session into one that may do everything.
        caller.require_recent_proof(self._clock.now())
        existing = await self._rows.list_factors(user_id)
        if sum(each.confirmed_at is not None for each in existing) >= MOST_FACTORS:
            raise TooManySecondFactors(f"A person can have {MOST_FACTORS} second factors.")
        await self._rows.forget_unconfirmed(user_id)
        secret = self._ids.secret(_TOTP_BYTES)
        factor = SecondFactor(
            id=self._ids.new(id_prefix.SECOND_FACTOR),
            user_id=user_id,
            name=name,
            sealed_secret=b"",
            created_at=self._clock.now(),
            last_step=0,
        )
        factor.sealed_secret = self._seal.seal(user_id, factor.id, self._ids.secret(12), secret)
        self._rows.add(factor)
        spelled = base64.b32encode(secret).decode()
        return NewFactor(factor, spelled, pyotp.TOTP(spelled).provisioning_uri(name=email, issuer_name=ISSUER))

    async def confirm(self, caller: Caller, factor_id: str, code: str) -> list[str]:
        """The factor counts from now on. Returns the recovery codes, shown once, where it is the person's first.

        Raises `NotFound`, `WrongCode`, `TooManyAttempts`.
        """
        user_id = _person(caller)
        factor = await self._rows.find_factor(user_id, factor_id)
        if factor is None:
            raise NotFound("There is no such second factor.")
        is_first = not await self.is_needed(user_id)
        await self._attempts.check(_subject(user_id))
        if not self._accept(factor, code):
            await self._attempts.failed(_subject(user_id))
            raise WrongCode("This is not the code that the app shows now.")
        factor.confirmed_at = factor.confirmed_at or self._clock.now()
        await self._tell(caller, factor_id, "added")
        return await self._draw_recovery_codes(user_id) if is_first else []

    async def remove(self, caller: Caller, factor_id: str) -> None:
        """Remove a factor; with the last one its recovery codes go too. Raises `NotFound`, `StepUpNeeded`."""
        user_id = _person(caller)
        caller.require_recent_proof(self._clock.now())
        factor = await self._rows.find_factor(user_id, factor_id)
        if factor is None:
            raise NotFound("There is no such second factor.")
        await self._rows.delete(factor)
        if not await self.is_needed(user_id):
            await self._rows.forget_recovery_codes(user_id)
        await self._tell(caller, factor_id, "removed")

    async def renew_recovery_codes(self, caller: Caller) -> list[str]:
        """New recovery codes; the old ones no longer work. Raises `StepUpNeeded`, `SecondFactorNeeded`."""
        user_id = _person(caller)
        caller.require_recent_proof(self._clock.now())
        if not await self.is_needed(user_id):
            raise NotFound("Recovery codes stand in for a second factor, and you have none.")
        await self._tell(caller, user_id, "recovery_codes_renewed")
        return await self._draw_recovery_codes(user_id)

    async def is_needed(self, user_id: str) -> bool:
        """Whether this person has a confirmed factor."""
        return await self._rows.has_factor(user_id)

    async def check(self, user: User, code: str | None) -> None:
        """Passes where the person has no second factor, or the code fits one of them or is an unused recovery code.

        Raises `SecondFactorNeeded` without a code, `WrongCode`, `TooManyAttempts`; the attempt is kept.
        """
        if not await self.is_needed(user.id):
            return
        if not code:
            raise SecondFactorNeeded("This account has a second factor: a code is missing.")
        await self._attempts.check(_subject(user.id))
        if not await self._fits(user.id, code):
            await self._attempts.failed(_subject(user.id))
            raise WrongCode("The code is wrong, too old or was used before.")
        await self._attempts.succeeded(_subject(user.id))

    async def _fits(self, user_id: str, code: str) -> bool:
        plain = "".join(code.split()).replace("-", "").upper()
        if len(plain) == 6 and plain.isdecimal():
            factors = await self._rows.list_factors(user_id, lock=True)
            return any(self._accept(each, plain) for each in factors if each.confirmed_at is not None)
        recovery = await self._rows.find_recovery_code(user_id, digest(plain))
        if recovery is None or recovery.used_at is not None:
            return False
        recovery.used_at = self._clock.now()
        return True

    def _accept(self, factor: SecondFactor, code: str) -> bool:
        """Whether it is a code of about now that was not used before; it is used from now on."""
        totp = pyotp.TOTP(base64.b32encode(self._seal.open(factor)).decode())
        now = self._clock.now()
        step = _step_of(now)
        for each in range(step - _DRIFT_STEPS, step + _DRIFT_STEPS + 1):
            if each > factor.last_step and hmac.compare_digest(totp.generate_otp(each).encode(), code.encode()):
                factor.last_step, factor.used_at = each, now
                return True
        return False

    async def _draw_recovery_codes(self, user_id: str) -> list[str]:
        await self._rows.forget_recovery_codes(user_id)
        codes = [base64.b32encode(self._ids.secret(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
        for code in codes:
            self._rows.add(RecoveryCode(digest=digest(code), user_id=user_id, created_at=self._clock.now()))
        return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]

    async def _tell(self, caller: Caller, subject_id: str, change: str) -> None:
        news = SecondFactorChanged(by=caller.actor, user_id=caller.actor, subject_id=subject_id, change=change)
        await self._outbox.add(self._session, news)


def _step_of(now: datetime) -> int:
    return int(now.timestamp()) // _STEP_SECONDS


def _subject(user_id: str) -> str:
    return f"second factor:{user_id}"


def _person(caller: Caller) -> str:
    if caller.session_id is None:
        raise NotAllowed("A key has no second factor; sign in as a person.")
    return caller.actor
