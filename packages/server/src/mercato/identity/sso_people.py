"""Who somebody is whom an identity provider signed in: an account is (issuer, subject), and roles follow groups.

A mail address links an account once, where the provider calls it verified, to a person of the provider's own
organisation who is bound to no account yet, is no administrator and belongs to no other organisation. Without such a
person, whoever was invited joins, and whoever has an address in one of the organisation's domains.
"""

from mercato.identity.access import end_access, end_sessions
from mercato.identity.handover import find_obstacle
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import SsoAccount, SsoProvider, User
from mercato.identity.news import InvitationAccepted, SsoAccountChanged, UserChanged
from mercato.identity.oidc import Claims
from mercato.identity.permissions import ADMINISTRATORS, Role, permissions_of
from mercato.identity.repository import IdentityRepository
from mercato.identity.sso_providers import ROLES
from mercato.identity.sso_refusals import (
    PersonDisabled,
    SsoAddressElsewhere,
    SsoAdministrator,
    SsoAlreadyLinked,
    SsoDomainRefused,
    SsoEmailUnverified,
    SsoMember,
    SsoNoRole,
    SsoNotInvited,
)
from mercato.identity.sso_rows import SsoRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix

_BY = "single-sign-on"
_LONGEST_NAME = 120
_LONGEST_EMAIL = 254


class SsoPeople:
    """The people behind accounts, within one transaction. Sign-ins of one organisation are one after the other."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = SsoRows(session)
        self._identities = IdentityRepository(session)
        self._standing = StandingRows(session)
        self._ways = LocalWays(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def sign_in(self, provider: SsoProvider, claims: Claims) -> User:
        """The person, with the role that their groups give now. Raises `SsoRefused` in one of its kinds."""
        await self._standing.lock_organisation(provider.organisation_id)
        account = await self._rows.find_account(claims.issuer, claims.subject)
        if account is None:
            account, user = await self._first_time(provider, claims)
        else:
            user = await self._known(provider, account)
        await self._follow_groups(provider, claims, account, user)
        account.signed_in_at = self._clock.now()
        return user

    async def link(self, provider: SsoProvider, claims: Claims, user_id: str) -> User:
        """Bind the account to a person who has proved who they are here. Linking it again changes nothing.

        Raises `SsoAlreadyLinked`, `LastAdministrator`, `PersonDisabled`.
        """
        await self._standing.lock_organisation(provider.organisation_id)
        user = await self._rows.find_user(user_id)
        if user is None or user.organisation_id != provider.organisation_id or user.disabled_at is not None:
            raise PersonDisabled("The person who wanted to link an account may no longer sign in.")
        account = await self._rows.find_account(claims.issuer, claims.subject)
        if account is not None and account.user_id == user.id:
            return user
        if account is not None:
            raise SsoAlreadyLinked("This account at the provider belongs to somebody else here.")
        if await self._rows.find_account_of(user.id) is not None:
            raise SsoAlreadyLinked("You are linked to another account at the provider.")
        await self._ways.keep_one(user)
        await self._bind(claims, user, "linked")
        return user

    async def _known(self, provider: SsoProvider, account: SsoAccount) -> User:
        user = await self._rows.find_user(account.user_id)
        if user is None or user.organisation_id != provider.organisation_id:
            raise SsoAddressElsewhere("This account belongs to a person of another organisation.")
        if user.disabled_at is not None and user.disabled_at != account.disabled_at:
            raise PersonDisabled(f"{user.name} was disabled by an administrator.")
        return user

    async def _first_time(self, provider: SsoProvider, claims: Claims) -> tuple[SsoAccount, User]:
        email = _verified_email(claims)
        user = await self._identities.find_user_by_email(email)
        if user is None:
            return await self._join(provider, claims, email)
        if user.organisation_id != provider.organisation_id:
            raise SsoAddressElsewhere("The address belongs to a person of another organisation.")
        obstacle = await find_obstacle(self._session, user)
        if obstacle == "administrator":
            raise SsoAdministrator("The address is that of an administrator.")
        if obstacle == "member_elsewhere":
            raise SsoMember("The address is that of a person who belongs to another organisation too.")
        if user.disabled_at is not None:
            raise PersonDisabled(f"{user.name} was disabled by an administrator.")
        if await self._rows.find_account_of(user.id) is not None:
            raise SsoAddressElsewhere("The person with this address is linked to another account at the provider.")
        if provider.domains and _domain(email) not in provider.domains:
            raise SsoDomainRefused(f"The provider may not speak for addresses at {_domain(email)}.")
        return await self._bind(claims, user, "linked"), user

    async def _join(self, provider: SsoProvider, claims: Claims, email: str) -> tuple[SsoAccount, User]:
        now = self._clock.now()
        invitation = await self._rows.find_open_invitation(provider.organisation_id, email, now)
        if invitation is None and _domain(email) not in provider.domains:
            raise SsoNotInvited(f"Nobody invited {email}, and {_domain(email)} is none of the organisation's domains.")
        if invitation is not None and invitation.role in ADMINISTRATORS:
            raise SsoAdministrator("The invitation makes an administrator: use its link.")
        invited = None if invitation is None else Role(invitation.role)
        role = _role_of(provider, claims) if _is_led(provider) else invited or _default_role(provider)
        if role is None:
            raise SsoNoRole("None of your groups has a role here.")
        user = User(
            id=self._ids.new(id_prefix.USER),
            organisation_id=provider.organisation_id,
            email=email,
            name=_name_of(claims) or email[:_LONGEST_NAME],
            role=role,
            password_hash=None,
            created_at=now,
        )
        self._rows.add(user)
        await self._rows.flush()
        if invitation is not None:
            invitation.accepted_at = now
            news = InvitationAccepted(
                by=user.id, user_id=user.id, invitation_id=invitation.id,
                organisation_id=invitation.organisation_id, role=invitation.role,
            )  # fmt: skip
            await self._outbox.add(self._session, news)
        return await self._bind(claims, user, "joined"), user

    async def _bind(self, claims: Claims, user: User, change: str) -> SsoAccount:
        account = SsoAccount(
            issuer=claims.issuer,
            subject=claims.subject,
            user_id=user.id,
            organisation_id=user.organisation_id,
            created_at=self._clock.now(),
        )
        self._rows.add(account)
        await self._rows.flush()
        news = SsoAccountChanged(
            by=user.id, user_id=user.id, organisation_id=user.organisation_id, change=change, issuer=claims.issuer
        )
        await self._outbox.add(self._session, news)
        return account

    async def _follow_groups(self, provider: SsoProvider, claims: Claims, account: SsoAccount, user: User) -> None:
        """The role that the groups give, where the provider leads roles; losing rights ends sessions.

        A super_admin is made and unmade by people only.
        """
        if not _is_led(provider) or user.role == Role.SUPER_ADMIN:
            return
        role, now = _role_of(provider, claims), self._clock.now()
        if role is None:
            if user.disabled_at is None:
                await end_access(
                    self._session, self._clock, self._outbox, user.id, by=_BY, organisation_id=user.organisation_id
                )
                account.disabled_at = user.disabled_at = now
                await self._tell(user, "disabled", {"disabled": False}, {"disabled": True})
            raise SsoNoRole("None of your groups has a role here.")
        if user.disabled_at is not None:
            account.disabled_at = user.disabled_at = None
            await self._tell(user, "enabled", {"disabled": True}, {"disabled": False})
        if role != user.role:
            await self._change_role(user, role)

    async def _change_role(self, user: User, role: Role) -> None:
        before = Role(user.role)
        user.role = role
        await self._tell(user, "role", {"role": before.value}, {"role": role.value})
        if permissions_of(before, in_operator=True) - permissions_of(role, in_operator=True):
            await end_sessions(self._session, self._clock, self._outbox, user.id, by=_BY)

    async def _tell(self, user: User, change: str, before: dict[str, str | bool], after: dict[str, str | bool]) -> None:
        news = UserChanged(
            by=_BY, user_id=user.id, organisation_id=user.organisation_id, change=change, before=before, after=after
        )
        await self._outbox.add(self._session, news)


def _is_led(provider: SsoProvider) -> bool:
    """Whether groups give the roles."""
    return bool(provider.role_of_group)


def _role_of(provider: SsoProvider, claims: Claims) -> Role | None:
    """The highest role that one of the groups gives."""
    given = {provider.role_of_group[group] for group in claims.groups or () if group in provider.role_of_group}
    named = next((role for role in ROLES if role in given), None)
    return named or _default_role(provider)


def _default_role(provider: SsoProvider) -> Role | None:
    return None if provider.default_role is None else Role(provider.default_role)


def _verified_email(claims: Claims) -> str:
    email = claims.email or ""
    local, _, domain = email.partition("@")
    usable = local and domain and "@" not in domain and email.isprintable() and " " not in email
    if not usable or len(email) > _LONGEST_EMAIL:
        raise SsoEmailUnverified("The provider names no mail address.")
    if not claims.email_verified:
        raise SsoEmailUnverified(f"The provider does not say that {email} is verified.")
    return email


def _name_of(claims: Claims) -> str:
    return "".join(each for each in claims.name or "" if each.isprintable()).strip()[:_LONGEST_NAME]


def _domain(email: str) -> str:
    return email.rpartition("@")[2]
