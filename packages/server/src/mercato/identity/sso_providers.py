"""The identity provider of one's organisation: set up, changed, removed; passwords off and on; accounts unlinked."""

from dataclasses import dataclass, field
from typing import Any

from mercato.identity.access import end_sessions
from mercato.identity.caller import Caller
from mercato.identity.models import Organisation, SsoAccount, SsoProvider, User
from mercato.identity.news import SsoAccountChanged, SsoProviderChanged
from mercato.identity.permissions import Permission, Role
from mercato.identity.sign_up import may_give
from mercato.identity.sso_refusals import ProviderUnknown, SsoNotProvenYet
from mercato.identity.sso_rows import SsoRows
from mercato.identity.sso_secrets import SsoSecrets
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, Malformed, NotFound, Outbox, Session

ROLES = (Role.ADMIN, Role.APPROVER, Role.VIEWER)
"""What groups may give, the highest first. A super_admin is made by people only."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What an administrator decides about the provider. `client_secret` `None`: the one that is kept."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    groups_claim: str
    role_of_group: dict[str, Role]
    default_role: Role | None
    domains: list[str]

    @property
    def roles(self) -> set[Role]:
        """Every role that it may give."""
        given = set(self.role_of_group.values())
        return given if self.default_role is None else given | {self.default_role}


class SsoProviders:
    """The provider of the caller's organisation, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, secrets: SsoSecrets) -> None:
        self._session = session
        self._rows = SsoRows(session)
        self._standing = StandingRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._secrets = secrets

    async def get(self, caller: Caller) -> SsoProvider:
        """Raises `ProviderUnknown`."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._get(caller)

    async def page_of_all(
        self, caller: Caller, *, after: str | None, limit: int
    ) -> list[tuple[SsoProvider, Organisation, int]]:
        """Every organisation's, with how many accounts are linked there; for operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.page_of_providers(after, limit)

    async def set(self, caller: Caller, settings: ProviderSettings) -> SsoProvider:
        """Set it up, or change it. Another issuer or client has to work once before passwords can be switched off.

        Raises `NotAllowed`, `StepUpNeeded`, `Malformed`.
        """
        self.require_change(caller)
        for role in settings.roles:
            may_give(caller, role)
        now, known = self._clock.now(), await self._rows.find_provider(caller.organisation_id, lock=True)
        before = {} if known is None else facts_of(known)
        is_same = known is not None and (known.issuer, known.client_id) == (settings.issuer, settings.client_id)
        if settings.client_secret is None and not is_same:
            raise Malformed("`client_secret` is missing: a new issuer or client needs its own.")
        provider = known or SsoProvider(organisation_id=caller.organisation_id, created_at=now, has_passwords=True)
        self._write(provider, settings)
        if not is_same:
            # Nobody is locked out by a provider that was never seen to work.
            provider.worked_at, provider.has_passwords = None, True
        provider.changed_at = now
        self._rows.add(provider)
        await self._tell(caller, "set", before, facts_of(provider))
        return provider

    async def remove(self, caller: Caller) -> None:
        """Nobody signs in through it any longer, and passwords count again. Accounts stay bound.

        Raises `ProviderUnknown`, `StepUpNeeded`.
        """
        self.require_change(caller)
        provider = await self._get(caller, lock=True)
        await self._rows.delete(provider)
        await self._tell(caller, "removed", facts_of(provider), {})

    async def switch_passwords(self, caller: Caller, *, allowed: bool) -> SsoProvider:
        """Whether passwords count. Local administrators keep theirs (`local_ways.py`). Again changes nothing.

        Raises `ProviderUnknown`, `SsoNotProvenYet`, `StepUpNeeded`.
        """
        self.require_change(caller)
        provider = await self._get(caller, lock=True)
        if provider.has_passwords != allowed:
            if provider.worked_at is None and not allowed:
                raise SsoNotProvenYet("Nobody has signed in through the provider as it is configured.")
            before, provider.has_passwords = facts_of(provider), allowed
            await self._tell(caller, "passwords_on" if allowed else "passwords_off", before, facts_of(provider))
        return provider

    async def page_of_accounts(self, caller: Caller, *, after: str | None, limit: int) -> list[tuple[SsoAccount, User]]:
        """Who of the organisation is bound to which account."""
        caller.require(Permission.USERS_WRITE)
        return await self._rows.page_of_accounts(caller.organisation_id, after, limit)

    async def unlink(self, caller: Caller, user_id: str) -> None:
        """The person's next sign-in through the provider is a first one again; their sessions end now.

        Raises `NotFound`, `StepUpNeeded`.
        """
        self.require_change(caller)
        await self._standing.lock_organisation(caller.organisation_id)
        account, user = await self._rows.find_account_of(user_id), await self._rows.find_user(user_id)
        if account is None or user is None or account.organisation_id != caller.organisation_id:
            raise NotFound(f"No person {user_id} of your organisation is linked to an account at the provider.")
        await self._rows.delete(account)
        await end_sessions(self._session, self._clock, self._outbox, user.id, by=caller.actor)
        news = SsoAccountChanged(
            by=caller.actor,
            user_id=user_id,
            organisation_id=account.organisation_id,
            change="unlinked",
            issuer=account.issuer,
        )
        await self._outbox.add(self._session, news)

    def require_change(self, caller: Caller) -> None:
        """Raises `NotAllowed`, `StepUpNeeded`: whoever sets up the provider decides who signs in."""
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())

    def _write(self, provider: SsoProvider, settings: ProviderSettings) -> None:
        provider.issuer, provider.client_id = settings.issuer, settings.client_id
        provider.groups_claim = settings.groups_claim
        provider.role_of_group = {group: role.value for group, role in settings.role_of_group.items()}
        provider.default_role = None if settings.default_role is None else settings.default_role.value
        provider.domains = sorted({domain.lower() for domain in settings.domains})
        if settings.client_secret is not None:
            provider.sealed_secret = self._secrets.seal(
                provider.organisation_id, provider.issuer, self._ids.secret(12), settings.client_secret
            )

    async def _get(self, caller: Caller, *, lock: bool = False) -> SsoProvider:
        provider = await self._rows.find_provider(caller.organisation_id, lock=lock)
        if provider is None:
            raise ProviderUnknown("Your organisation has no identity provider.")
        return provider

    async def _tell(self, caller: Caller, change: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        news = SsoProviderChanged(
            by=caller.actor, organisation_id=caller.organisation_id, change=change, before=before, after=after
        )
        await self._outbox.add(self._session, news)


def facts_of(provider: SsoProvider) -> dict[str, Any]:
    """Its settings without the secret."""
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "groups_claim": provider.groups_claim,
        "roles": dict(provider.role_of_group),
        "default_role": provider.default_role,
        "domains": list(provider.domains),
        "passwords": provider.has_passwords,
    }
