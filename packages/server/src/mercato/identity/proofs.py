"""Slow proofs of passwords and keys. None of them holds a connection of the database while it hashes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mercato.identity.attempts import Attempts
from mercato.identity.authentication import ProvenKeys
from mercato.identity.known_devices import KnownDevices
from mercato.identity.models import User
from mercato.identity.refusals import HashingBusy, NotSignedIn, WrongPassword
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import SecretHasher
from mercato.platform import Clock, Database
from mercato_contracts.keys import MalformedKey, ParsedKey, parse_key


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Turns:
    """Lets one at a time work on a subject while `waiting` more wait. A subject nobody works on takes no room."""

    def __init__(self, waiting: int) -> None:
        self._most = waiting + 1
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def of(self, subject: str) -> AsyncIterator[None]:
        """Work while the block lasts. Raises `HashingBusy`."""
        turn = self._turns.setdefault(subject, _Turn())
        if turn.users >= self._most:
            raise HashingBusy(1)
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[subject]


class PasswordProof:
    """Proves people by their passwords, one a process."""

    def __init__(self, database: Database, clock: Clock, hasher: SecretHasher, devices: KnownDevices) -> None:
        self._database = database
        self._clock = clock
        self._hasher = hasher
        self._devices = devices

    async def prove(self, email: str, password: str, *, origin: str, device_token: str | None = None) -> User:
        """The person of this address, in the same time whether it exists or not.

        Raises `WrongPassword`; `TooManyAttempts`, for a device that is not known, where too many failed; `HashingBusy`.
        """
        async with self._hasher.place(origin):
            return await self._prove(email, password, device_token)

    async def _prove(self, email: str, password: str, device_token: str | None) -> User:
        async with self._database.transaction() as session:
            user = await IdentityRepository(session).find_user_by_email(email)
            device = None if user is None else self._devices.find(device_token, user.id, self._clock.now())
            subject = f"account:{email.lower()}" if device is None else f"device:{device}"
            await Attempts(session, self._clock).check(subject)
        fits = await self._hasher.verify(user.password_hash if user else None, password)
        proven = user if fits and user is not None and user.disabled_at is None else None
        # A guess counts when it has failed: as many more can be under way as the hasher gives turns.
        async with self._database.transaction() as session:
            attempts = Attempts(session, self._clock)
            await (attempts.succeeded(subject) if proven else attempts.failed(subject))
        if proven is None:
            raise WrongPassword("The address or the password is wrong.")
        return proven


class KeyProof:
    """Proves that the text of a key fits its hash, once a process for each key."""

    def __init__(self, database: Database, hasher: SecretHasher, proven: ProvenKeys) -> None:
        self._database = database
        self._hasher = hasher
        self._proven = proven
        # One at a time for a key: those who wait for the same proof find it done, and a flood of wrong secrets for
        # one key has one place in the queue.
        self._turns = Turns(waiting=256)

    def is_proven(self, text: str) -> bool:
        """Whether this process has proved the text."""
        return self._proven.knows(text)

    async def prove(self, text: str, *, origin: str) -> None:
        """Says nothing of whether the key is in force. Raises `NotSignedIn`; `HashingBusy`."""
        try:
            parsed = parse_key(text)
        except MalformedKey:
            raise NotSignedIn("This key is mistyped or not one of ours: its checksum does not fit.") from None
        async with self._turns.of(parsed.key_id):
            if not self._proven.knows(text):
                async with self._hasher.place(origin):
                    await self._prove(text, parsed)

    async def _prove(self, text: str, parsed: ParsedKey) -> None:
        async with self._database.transaction() as session:
            row = await IdentityRepository(session).find_key(parsed.key_id)
        # An id is no secret (logs show it), so an unknown one is refused without the cost of a hash.
        if row is None or row.kind != parsed.kind or not await self._hasher.verify(row.secret_hash, parsed.secret):
            raise NotSignedIn("There is no such key.")
        self._proven.remember(text, row.secret_hash)
