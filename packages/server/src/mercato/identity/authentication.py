"""From a credential to the Caller."""

import hashlib
from collections import OrderedDict

from mercato.identity.caller import Caller
from mercato.identity.deployment_tokens import ProvenToken, RememberedTokens, TokenProof
from mercato.identity.membership_rows import MembershipRows
from mercato.identity.models import Key, LoginSession, Organisation, User
from mercato.identity.permissions import KEY_SCOPES, Permission, Role, permissions_of
from mercato.identity.refusals import NotSignedIn, OrganisationSuspended
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import SecretHasher
from mercato.identity.tokens import AccessTokens
from mercato.identity.view_as import seen_through
from mercato.platform import Clock, Session
from mercato_contracts.keys import KINDS, MalformedKey, parse_key

_PROVEN_MAX = 10_000
TOKEN_PREFIX = "sit_"  # noqa: S105  (the kind, no secret)


class ProvenKeys:
    """Digests of keys whose argon2id hash was verified by this process, so that the slow proof is asked for once.

    Says only that a text fits a hash; whether the key is in force is read from its row every time.
    """

    def __init__(self) -> None:
        self._proven: OrderedDict[bytes, str] = OrderedDict()

    def knows(self, text: str) -> bool:
        return self._digest(text) in self._proven

    def fits(self, text: str, encoded: str) -> bool:
        return self._proven.get(self._digest(text)) == encoded

    def remember(self, text: str, encoded: str) -> None:
        self._proven[self._digest(text)] = encoded
        if len(self._proven) > _PROVEN_MAX:
            self._proven.popitem(last=False)

    @staticmethod
    def _digest(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()


class Authentication:
    """Proves who is asking, within one transaction.

    Without a `hasher` it knows keys that were proven before only (`KeyProof`), so that no connection is held while a
    hash is made.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        hasher: SecretHasher | None,
        tokens: AccessTokens,
        proven: ProvenKeys,
        remembered: RememberedTokens,
    ) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._memberships = MembershipRows(session)
        self._clock = clock
        self._hasher = hasher
        self._tokens = tokens
        self._proven = proven
        self._proof = TokenProof(session, clock, remembered)

    async def authenticate(self, credential: str) -> Caller:
        """The caller behind a key, a deployment's token or an access token. Raises `NotSignedIn`."""
        if credential.startswith(TOKEN_PREFIX):
            return await self._by_deployment_token(credential)
        if credential.partition("_")[0] in KINDS:
            return await self._by_key(credential)
        return await self._by_access_token(credential)

    async def prove_key(self, text: str) -> Key:
        """The row of a key that is in force. Raises `NotSignedIn`; a forged one costs no database."""
        try:
            parsed = parse_key(text)
        except MalformedKey:
            raise NotSignedIn("This key is mistyped or not one of ours: its checksum does not fit.") from None
        row = await self._rows.find_key(parsed.key_id)
        # An id is no secret (logs show it), so an unknown one is refused without the cost of a hash.
        if row is None or row.kind != parsed.kind:
            raise NotSignedIn("There is no such key.")
        if not self._proven.fits(text, row.secret_hash):
            if self._hasher is None or not await self._hasher.verify(row.secret_hash, parsed.secret):
                raise NotSignedIn("There is no such key.")
            self._proven.remember(text, row.secret_hash)
        if row.revoked_at is not None:
            raise NotSignedIn("This key was revoked.")
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            raise NotSignedIn("This key has expired.")
        await self._active_organisation(row.organisation_id)
        return row

    async def prove_token(self, text: str) -> ProvenToken:
        """The deployment's token that is in force. Raises `NotSignedIn`."""
        return await self._proof.prove(text)

    async def _by_deployment_token(self, text: str) -> Caller:
        token = await self.prove_token(text)
        return Caller(
            organisation_id=token.organisation_id,
            organisation_slug=token.organisation_slug,
            actor=token.id,
            role=Role.SERVICE_ACCOUNT,
            permissions=frozenset(Permission(scope) for scope in token.scopes) & KEY_SCOPES["sit"],
            is_operator=False,
            deployment_id=token.deployment_id,
        )

    async def _by_key(self, text: str) -> Caller:
        key = await self.prove_key(text)
        organisation = await self._active_organisation(key.organisation_id)
        most = KEY_SCOPES[key.kind]
        return Caller(
            organisation_id=organisation.id,
            organisation_slug=organisation.slug,
            actor=key.id,
            role=Role.SERVICE_ACCOUNT,
            permissions=frozenset(Permission(scope) for scope in key.scopes) & most,
            is_operator=False,
            lineage_id=key.lineage_id,
            addresses=tuple(key.held_addresses),
        )

    async def _by_access_token(self, token: str) -> Caller:
        claims = self._tokens.check(token, self._clock.now())
        login = await self._rows.find_login_session(claims.session_id)
        user = await self._rows.find_user(claims.user_id)
        if login is None or login.ended_at is not None or user is None or user.disabled_at is not None:
            raise NotSignedIn("This session has ended; sign in again.")
        organisation_id, role = await self._place_of(login, user)
        organisation = await self._active_organisation(organisation_id)
        caller = Caller(
            organisation_id=organisation.id,
            organisation_slug=organisation.slug,
            actor=user.id,
            role=role,
            permissions=permissions_of(role, in_operator=organisation.is_operator),
            is_operator=organisation.is_operator,
            session_id=login.id,
            proved_at=login.proved_at,
            person_name=user.name,
        )
        if login.view_id is None:
            return caller
        return await seen_through(self._session, self._clock.now(), caller, login.view_id)

    async def _place_of(self, login: LoginSession, user: User) -> tuple[str, Role]:
        """The organisation that the session acts in, and the person's role there. Raises `NotSignedIn`."""
        if login.organisation_id is None:
            return user.organisation_id, Role(user.role)
        membership = await self._memberships.find(user.id, login.organisation_id)
        if membership is None:
            raise NotSignedIn("You are no longer in the organisation of this session; sign in again.")
        return membership.organisation_id, Role(membership.role)

    async def _active_organisation(self, organisation_id: str) -> Organisation:
        """Raises `OrganisationSuspended`."""
        organisation = await self._rows.find_organisation(organisation_id)
        assert organisation is not None
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)
        return organisation
