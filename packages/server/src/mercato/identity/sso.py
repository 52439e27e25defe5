"""Signing in through an organisation's identity provider: begun, answered once within ten minutes, finished.

What proves that an answer belongs to a sign-in (`state`, nonce, code verifier) is random or derived from it and kept
as a digest only. `binding` stays with the browser or program that began: an answer that somebody else brings is
refused.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from mercato.identity.caller import Caller
from mercato.identity.models import LoginSession, SsoProvider, SsoSignIn, User
from mercato.identity.oidc import Claims, CodeAnswer, RelyingParty
from mercato.identity.refusals import NotAllowed, OrganisationSuspended
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.identity.sso_people import SsoPeople
from mercato.identity.sso_refusals import ProviderUnknown, SsoDenied, SsoSignInUnknown, SsoTokenRefused
from mercato.identity.sso_rows import SsoRows
from mercato.identity.sso_secrets import SsoSecrets
from mercato.platform import Clock, Ids, Outbox, Session

LIFETIME = timedelta(minutes=10)
_KEPT = timedelta(days=1)
_PROOF_SLACK = timedelta(seconds=60)
CALLBACK = "/sso/callback"
"""Where providers send people back to; administrators register it at the provider."""

Purpose = Literal["sign_in", "link", "proof", "device"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun; `state` and `binding` are shown this once."""

    party: RelyingParty
    state: str = field(repr=False)
    binding: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    purpose: Purpose
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent back through the browser."""

    state: str
    binding: str
    code: str | None
    issuer: str | None
    error: str | None

    def __repr__(self) -> str:
        return "Answer(…)"


@dataclass(frozen=True, slots=True)
class Taken:
    """A sign-in whose answer came: what is asked of the provider next."""

    party: RelyingParty
    answer: CodeAnswer = field(repr=False)
    groups_claim: str
    state_digest: str
    denied: SsoDenied | None = None
    """Where the provider signed nobody in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who signed in, for what, and when they proved themselves."""

    purpose: Purpose
    user: User
    proved_at: datetime | None
    user_code: str


class SingleSignOn:
    """Sign-ins of one transaction. Between `take` and `finish` the provider is asked, without a transaction."""

    def __init__(
        self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, secrets: SsoSecrets, client_url: str
    ) -> None:
        self._rows = SsoRows(session)
        self._identities = IdentityRepository(session)
        self._people = SsoPeople(session, clock, ids, outbox)
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._redirect_uri = f"{client_url}{CALLBACK}"

    async def begin(self, slug: str, *, user_code: str | None = None) -> Begun:
        """A sign-in at the provider of this organisation, for a device where it shows `user_code`.

        Raises `ProviderUnknown`, `OrganisationSuspended`.
        """
        organisation = await self._identities.find_organisation_by_slug(slug)
        provider = None if organisation is None else await self._rows.find_provider(organisation.id)
        if organisation is None or provider is None:
            raise ProviderUnknown(f"There is no organisation {slug} with an identity provider.")
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)
        return self._begin(provider, "sign_in" if user_code is None else "device", user_code=user_code)

    async def begin_link(self, caller: Caller) -> Begun:
        """To bind the caller to an account at their own organisation's provider.

        Raises `ProviderUnknown`, `StepUpNeeded`, `NotAllowed`.
        """
        provider = await self._provider_of_person(caller)
        caller.require_recent_proof(self._clock.now())
        return self._begin(provider, "link", user_id=caller.actor)

    async def begin_proof(self, caller: Caller) -> Begun:
        """To prove anew, at that provider, who the caller is. Raises `ProviderUnknown`, `NotAllowed`."""
        provider = await self._provider_of_person(caller)
        return self._begin(provider, "proof", user_id=caller.actor, session_id=caller.session_id)

    async def take(self, answer: Answer) -> Taken:
        """The sign-in that this answers; it is answered now, whatever comes of it.

        Raises `SsoSignInUnknown`.
        """
        row = await self._rows.find_sign_in(digest(answer.state))
        if row is None or row.used_at is not None or row.expires_at <= self._clock.now():
            raise SsoSignInUnknown("This answer came twice, too late, or was not asked for.")
        if row.binding_digest != digest(answer.binding):
            raise SsoSignInUnknown("This sign-in was begun by another browser or program.")
        row.used_at = self._clock.now()
        provider = await self._rows.find_provider(row.organisation_id)
        if provider is None or (provider.issuer, provider.client_id) != (row.issuer, row.client_id):
            raise SsoSignInUnknown("The organisation changed its identity provider meanwhile.")
        return Taken(
            party=self._party(provider),
            answer=CodeAnswer(
                code=answer.code or "",
                issuer=answer.issuer,
                nonce=self._secrets.nonce_of(answer.state, row.created_at),
                verifier=self._secrets.verifier_of(answer.state, row.created_at),
            ),
            groups_claim=provider.groups_claim,
            state_digest=row.state_digest,
            denied=_denial(answer),
        )

    async def finish(self, taken: Taken, claims: Claims, *, at_browser: bool) -> Outcome:
        """Who signed in, once the provider confirms it. At a browser people sign in and approve devices, no more.

        Raises `SsoRefused` in one of its kinds, `SsoTokenRefused`, `SsoSignInUnknown`.
        """
        row = await self._rows.find_sign_in(taken.state_digest)
        provider = None if row is None else await self._rows.find_provider(row.organisation_id)
        if row is None or provider is None or provider.issuer != claims.issuer:
            raise SsoSignInUnknown("The organisation changed its identity provider meanwhile.")
        organisation = await self._identities.find_organisation(row.organisation_id)
        if organisation is None or organisation.suspended_at is not None:
            raise OrganisationSuspended("" if organisation is None else organisation.slug)
        purpose: Purpose = row.purpose  # type: ignore[assignment]
        if (purpose == "device" and not at_browser) or (purpose in ("link", "proof") and at_browser):
            raise SsoSignInUnknown("This sign-in was begun for something else.")
        if purpose == "link":
            user = await self._people.link(provider, claims, row.user_id or "")
        else:
            user = await self._people.sign_in(provider, claims)
        proved_at = None if claims.proved_at is None else min(claims.proved_at, self._clock.now())
        if purpose == "proof":
            await self._prove(row, user, proved_at)
        provider.worked_at = self._clock.now()
        return Outcome(purpose, user, proved_at, row.user_code or "")

    async def forget(self) -> int:
        """Delete those that ended a day ago; how many."""
        return await self._rows.forget_sign_ins(self._clock.now() - _KEPT)

    async def _prove(self, row: SsoSignIn, user: User, proved_at: datetime | None) -> None:
        login = await self._identities.find_login_session(row.session_id or "", lock=True)
        if user.id != row.user_id or not _is_in_force(login, user):
            raise SsoTokenRefused("Somebody else signed in at the provider, or the session ended.")
        if proved_at is None or proved_at < row.created_at - _PROOF_SLACK:
            raise SsoTokenRefused("The provider does not say that the person proved themselves anew (`auth_time`).")
        assert login is not None
        login.proved_at = proved_at

    async def _provider_of_person(self, caller: Caller) -> SsoProvider:
        if caller.session_id is None:
            raise NotAllowed("A key has no account at an identity provider; sign in as a person.")
        # Whoever acts in another organisation is still a person of their own, whose provider signs them in.
        user = await self._identities.find_user(caller.actor)
        provider = None if user is None else await self._rows.find_provider(user.organisation_id)
        if provider is None:
            raise ProviderUnknown("Your own organisation has no identity provider.")
        return provider

    def _begin(
        self,
        provider: SsoProvider,
        purpose: Purpose,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        user_code: str | None = None,
    ) -> Begun:
        now, state, binding = self._clock.now(), self._ids.secret(32).hex(), self._ids.secret(32).hex()
        row = SsoSignIn(
            state_digest=digest(state),
            binding_digest=digest(binding),
            organisation_id=provider.organisation_id,
            issuer=provider.issuer,
            client_id=provider.client_id,
            purpose=purpose,
            user_id=user_id,
            session_id=session_id,
            user_code=user_code,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        self._rows.add(row)
        return Begun(
            party=self._party(provider),
            state=state,
            binding=binding,
            nonce=self._secrets.nonce_of(state, now),
            verifier=self._secrets.verifier_of(state, now),
            purpose=purpose,
            expires_at=row.expires_at,
        )

    def _party(self, provider: SsoProvider) -> RelyingParty:
        secret = self._secrets.open(provider.organisation_id, provider.issuer, provider.sealed_secret)
        return RelyingParty(provider.issuer, provider.client_id, secret, self._redirect_uri)


def _denial(answer: Answer) -> SsoDenied | None:
    if answer.error is None and answer.code:
        return None
    shown = "".join(each for each in (answer.error or "no code") if each.isalnum() or each in " _-")[:60]
    return SsoDenied(f"The provider answered: {shown}.")


def _is_in_force(login: LoginSession | None, user: User) -> bool:
    return login is not None and login.ended_at is None and login.user_id == user.id
