"""People who are to be erased: who may ask, who would be missed, and what ends at once."""

from dataclasses import dataclass

from mercato.identity.access import end_access
from mercato.identity.attempts import Attempts
from mercato.identity.caller import Caller
from mercato.identity.former_name_rows import former_names
from mercato.identity.local_ways import LocalWays
from mercato.identity.membership_rows import MembershipRows
from mercato.identity.models import User
from mercato.identity.permissions import Permission, Role
from mercato.identity.repository import IdentityRepository
from mercato.identity.sign_up import may_give
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, NotFound, Outbox, Session


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody, as far as what is known of them is looked for."""

    id: str
    organisation_id: str
    email: str
    name: str
    organisations: tuple[str, ...]
    """Of the account, and where else they are."""
    is_operator: bool
    former: tuple[tuple[str, str], ...] = ()
    """Pairs of address and name that they had before."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Their address, and those that they had."""
        return tuple(dict.fromkeys((self.email, *(email for email, _ in self.former))))

    @property
    def names(self) -> tuple[str, ...]:
        """Their name, and those that they had."""
        return tuple(dict.fromkeys((self.name, *(name for _, name in self.former))))


@dataclass(frozen=True, slots=True)
class Missed:
    """What an organisation is without a person: whether nobody else can run it, and whether nobody else is in it."""

    last_administrator: bool
    last_person: bool
    suspended: bool
    is_operator: bool


class Subjects:
    """People about whom something is asked: by themselves, by their administrator, or by an operator."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._standing = StandingRows(session)
        self._clock = clock
        self._outbox = outbox

    async def take(self, caller: Caller, user_id: str) -> KnownPerson:
        """The person, once nobody else changes who is in their organisation.

        Raises `StepUpNeeded`, `NotFound`, `NotAllowed`.
        """
        caller.require_recent_proof(self._clock.now())
        user = await self._rows.find_user(user_id)
        if user is None or not self._may_know(caller, user):
            raise NotFound(f"There is no person {user_id}.", user=user_id)
        if user.id != caller.actor:
            self._require_power_over(caller, user)
        await self._standing.lock_organisation(user.organisation_id)
        return await self._known(user)

    async def find(self, user_id: str) -> KnownPerson | None:
        user = await self._rows.find_user(user_id)
        return None if user is None else await self._known(user)

    async def lock(self, user_id: str) -> KnownPerson | None:
        """The person, once nobody else changes who is in their organisation."""
        user = await self._rows.find_user(user_id)
        if user is None:
            return None
        await self._standing.lock_organisation(user.organisation_id)
        return await self._known(user)

    async def missed(self, person: KnownPerson) -> Missed:
        """What their organisation would be without them."""
        organisation = await self._rows.find_organisation(person.organisation_id)
        user = await self._rows.find_user(person.id)
        assert organisation is not None
        assert user is not None
        return Missed(
            last_administrator=await LocalWays(self._session).is_last(user),
            last_person=await self._standing.count_others(organisation.id, user.id) == 0,
            suspended=organisation.suspended_at is not None,
            is_operator=organisation.is_operator,
        )

    async def end_access(self, person: KnownPerson, *, by: str) -> None:
        """They sign in no more, and the keys that they made are revoked, whichever organisation they acted in. Again
        changes nothing."""
        user = await self._rows.find_user(person.id)
        assert user is not None
        user.disabled_at = user.disabled_at or self._clock.now()
        await end_access(self._session, self._clock, self._outbox, user.id, by=by, organisation_id=None)
        await Attempts(self._session, self._clock).succeeded(f"account:{person.email}")

    async def _known(self, user: User) -> KnownPerson:
        home = await self._rows.find_organisation(user.organisation_id)
        assert home is not None
        elsewhere = [place.id for _, place in await MembershipRows(self._session).of_person(user.id)]
        return KnownPerson(
            id=user.id,
            organisation_id=user.organisation_id,
            email=user.email,
            name=user.name,
            organisations=(user.organisation_id, *elsewhere),
            is_operator=home.is_operator,
            former=await former_names(self._session, user.id),
        )

    def _may_know(self, caller: Caller, user: User) -> bool:
        """Everybody knows themselves, whichever organisation they act in."""
        return user.id == caller.actor or user.organisation_id == caller.organisation_id or _rules_all(caller)

    def _require_power_over(self, caller: Caller, user: User) -> None:
        caller.require(Permission.PRIVACY_WRITE)
        if _rules_all(caller):
            return
        may_give(caller, Role(user.role))


def _rules_all(caller: Caller) -> bool:
    return caller.is_operator and caller.may(Permission.ORGANISATIONS_WRITE)
