"""What a new marketplace begins with: its first administrator, and a first key to try it with."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from mercato.identity import Caller, Keys, Role, SecretHasher, SignUp, permissions_of
from mercato.platform import Conflict, Database, Ids, Outbox, Session, SystemClock, SystemIds

DEMO = "demo"


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """Who may do everything. The password is kept nowhere."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class FirstKey:
    """A consumer's key of the organisation `organisation`, and how its administrator signs in. Kept nowhere."""

    organisation: str
    email: str
    password: str
    key: str


@dataclass(frozen=True, slots=True)
class Firsts:
    """What is shown once."""

    administrator: FirstAdministrator
    consumer: FirstKey | None


class Beginning:
    """Makes what a new marketplace begins with, in one transaction."""

    def __init__(self, session: Session) -> None:
        clock = SystemClock()
        self._session = session
        self._ids: Ids = SystemIds(clock)
        hasher, outbox = SecretHasher(), Outbox(clock)
        self._sign_up = SignUp(session, clock, self._ids, hasher, outbox)
        self._keys = Keys(session, clock, self._ids, hasher, outbox)

    async def administrator(self, email: str) -> FirstAdministrator:
        """Raises `Conflict` when there is one."""
        password = self._password()
        await self._sign_up.bootstrap(email=email, password=password)
        return FirstAdministrator(email, password)

    async def consumer(self) -> FirstKey:
        """The organisation `demo` with a key; raises `Conflict` when somebody has that name."""
        email, password = f"{DEMO}@localhost", self._password()
        organisation, user = await self._sign_up.sign_up(slug=DEMO, name="Demo", email=email, password=password)
        caller = Caller(
            organisation_id=organisation.id,
            organisation_slug=organisation.slug,
            actor=user.id,
            role=Role.ADMIN,
            permissions=permissions_of(Role.ADMIN, in_operator=False),
            is_operator=False,
        )
        new = await self._keys.make(caller, kind="ck", name="first key", scopes=None, expires_at=None)
        return FirstKey(organisation.slug, email, password, new.text)

    def _password(self) -> str:
        return base64.b32encode(self._ids.secret(15)).decode().lower()


async def begin(url: str, email: str, *, with_consumer: bool, show: Callable[[Firsts], None]) -> None:
    """Make the first administrator, and the first consumer where asked for.

    `show` is called just before the commit, so that nothing is ever made whose password nobody saw. Raises `Conflict`
    when there is an administrator already.
    """
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            beginning = Beginning(session)
            administrator = await beginning.administrator(email)
            consumer = None
            if with_consumer:
                try:
                    consumer = await beginning.consumer()
                except Conflict:
                    consumer = None  # somebody signed up under that name before there was an administrator
            show(Firsts(administrator, consumer))
    finally:
        await database.close()
