"""New organisations and their people."""

from mercato.identity.caller import Caller
from mercato.identity.models import Organisation, User
from mercato.identity.news import OrganisationCreated
from mercato.identity.permissions import Permission, Role, permissions_of
from mercato.identity.refusals import EmailTaken, NotAllowed, SlugTaken
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import HashedSecret, SecretHasher
from mercato.platform import Clock, Conflict, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix


class SignUp:
    """Brings organisations and users in. A password comes as its text, or hashed before the transaction began."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, hasher: SecretHasher, outbox: Outbox) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._hasher = hasher
        self._outbox = outbox

    async def sign_up(
        self, *, slug: str, name: str, email: str, password: str | HashedSecret
    ) -> tuple[Organisation, User]:
        """A new organisation with its first user, an administrator. Raises `SlugTaken`, `EmailTaken`."""
        organisation = await self._add_organisation(slug=slug, name=name, is_operator=False)
        user = await self._add_user(organisation, email=email, name=name, password=password, role=Role.ADMIN)
        await self._outbox.add(self._session, OrganisationCreated(by=user.id, organisation_id=organisation.id))
        return organisation, user

    async def bootstrap(self, *, email: str, password: str) -> User:
        """The operator's organisation and the first administrator, once in a marketplace's life."""
        if await self._rows.find_operator() is not None:
            raise Conflict("This marketplace has its first administrator already.")
        operator = await self._add_organisation(slug="operator", name="Operator", is_operator=True)
        return await self._add_user(
            operator, email=email, name="First administrator", password=password, role=Role.SUPER_ADMIN
        )

    async def add_user(
        self, caller: Caller, *, email: str, name: str, password: str | HashedSecret, role: Role
    ) -> User:
        """A colleague in the caller's organisation; nobody gives a role that may do more than their own.

        Whoever sets the password can sign in as them, so every role needs a recent proof.

        Raises `NotAllowed`, `StepUpNeeded`, `EmailTaken`.
        """
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())
        organisation = await self._rows.find_organisation(caller.organisation_id)
        assert organisation is not None
        may_give(caller, role)
        return await self._add_user(organisation, email=email, name=name, password=password, role=role)

    async def _add_organisation(self, *, slug: str, name: str, is_operator: bool) -> Organisation:
        if await self._rows.find_organisation_by_slug(slug) is not None:
            raise SlugTaken(f"An organisation named {slug} exists.", slug=slug)
        organisation = Organisation(
            id=self._ids.new(id_prefix.ORGANISATION),
            slug=slug,
            name=name,
            is_operator=is_operator,
            is_verified=is_operator,
            created_at=self._clock.now(),
        )
        if not await self._rows.add_new(organisation):
            raise SlugTaken(f"An organisation named {slug} exists.", slug=slug)
        return organisation

    async def _add_user(
        self, organisation: Organisation, *, email: str, name: str, password: str | HashedSecret, role: Role
    ) -> User:
        if await self._rows.find_user_by_email(email) is not None:
            raise EmailTaken("A user with this address exists.")
        user = User(
            id=self._ids.new(id_prefix.USER),
            organisation_id=organisation.id,
            email=email.lower(),
            name=name,
            role=role,
            password_hash=await self._hash(password),
            created_at=self._clock.now(),
        )
        if not await self._rows.add_new(user):
            raise EmailTaken("A user with this address exists.")
        return user

    async def _hash(self, password: str | HashedSecret) -> str:
        return password.encoded if isinstance(password, HashedSecret) else await self._hasher.hash(password)


def may_give(caller: Caller, role: Role) -> None:
    """Raises `NotAllowed` for a role that may do more than the caller."""
    beyond = permissions_of(role, in_operator=caller.is_operator) - caller.permissions
    if beyond or (role is Role.SUPER_ADMIN and not caller.is_operator):
        raise NotAllowed(f"The role {role} may do more than you may.", role=role, beyond=sorted(beyond))
