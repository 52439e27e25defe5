"""`sit_` tokens: what a running deployment shows. Made for a vendor key, narrower than it, gone with it.

A token that was proven is remembered for a minute by the process that proved it. The news of a revocation takes it out
of every process's memory at once; the minute only bounds what a process that hears no news may still believe.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.identity.caller import Caller
from mercato.identity.models import DeploymentToken, Key
from mercato.identity.news import KeyChanged, OrganisationChanged, TokenIssued
from mercato.identity.permissions import KEY_SCOPES, Permission
from mercato.identity.refusals import KeyNotFound, NotSignedIn, OrganisationSuspended, TokenScopesTooWide
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.platform import Clock, EphemeralSubscriber, Event, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix
from mercato_contracts.keys import MalformedKey, make_key, parse_key

LONGEST_LIFE = timedelta(days=30)
SHORTEST_LIFE = timedelta(minutes=1)
REMEMBERED = timedelta(seconds=60)
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class ProvenToken:
    """A token in force: whose it is, what it may do, and until when."""

    id: str
    subject_key_id: str
    organisation_id: str
    organisation_slug: str
    deployment_id: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its text, which is shown this once and kept nowhere."""

    row: DeploymentToken
    text: str
    expires_at: datetime


class RememberedTokens:
    """Tokens that this process proved in the last minute, by the digest of their text."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[datetime, ProvenToken]] = OrderedDict()
        self._digests: dict[str, set[bytes]] = {}
        self.changes = 0
        """Rises with every revocation that was heard."""

    def subscriber(self) -> EphemeralSubscriber[KeyChanged | OrganisationChanged]:
        """To be run by the process's `OutboxFeed`."""
        heard = (KeyChanged, OrganisationChanged)
        return EphemeralSubscriber("identity.tokens", heard, self.hear, hurried=heard)

    async def hear(self, events: Sequence[Event[KeyChanged | OrganisationChanged]]) -> None:
        """Forget what changed: a token, or all that were exchanged for a key; all tokens when an organisation did."""
        for event in events:
            self.changes += 1
            if isinstance(event.news, OrganisationChanged):
                self._known.clear()
                self._digests.clear()
                continue
            for name in self._digests.pop(event.news.key_id, set()):
                self._drop(name)

    def find(self, text: str, now: datetime) -> ProvenToken | None:
        """The token, where it was proven less than a minute ago and has not expired."""
        known = self._known.get(_name(text))
        if known is None:
            return None
        proven_at, token = known
        return token if proven_at <= now < min(proven_at + REMEMBERED, token.expires_at) else None

    def remember(self, text: str, token: ProvenToken, now: datetime, *, changes: int) -> None:
        """Keep it, unless something was revoked since `changes` was read: what was proven may be the state before."""
        if changes != self.changes:
            return
        name = _name(text)
        self._known[name] = (now, token)
        for key_id in (token.id, token.subject_key_id):
            self._digests.setdefault(key_id, set()).add(name)
        if len(self._known) > _MOST_REMEMBERED:
            self._drop(next(iter(self._known)))

    def _drop(self, name: bytes) -> None:
        known = self._known.pop(name, None)
        if known is None:
            return
        for key_id in (known[1].id, known[1].subject_key_id):
            names = self._digests.get(key_id)
            if names is not None:
                names.discard(name)
                if not names:
                    del self._digests[key_id]


class TokenProof:
    """Proves tokens, within one transaction."""

    def __init__(self, session: Session, clock: Clock, remembered: RememberedTokens) -> None:
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._remembered = remembered

    async def prove(self, text: str) -> ProvenToken:
        """The token behind `text`, in force now. Raises `NotSignedIn`; a mistyped one costs no database."""
        now = self._clock.now()
        known = self._remembered.find(text, now)
        if known is not None:
            return known
        try:
            parsed = parse_key(text)
        except MalformedKey:
            raise NotSignedIn("This token is mistyped or not one of ours: its checksum does not fit.") from None
        changes = self._remembered.changes
        found = await self._rows.find_token_with_subject(parsed.key_id)
        if found is None or not hmac.compare_digest(found[0].secret_digest, digest(parsed.secret)):
            raise NotSignedIn("There is no such token.")
        row, subject, organisation = found
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)
        if row.revoked_at is not None:
            raise NotSignedIn("This token was revoked.")
        if subject.revoked_at is not None:
            raise NotSignedIn("The key that this token was exchanged for was revoked.")
        token = ProvenToken(
            id=row.id,
            subject_key_id=subject.id,
            organisation_id=organisation.id,
            organisation_slug=organisation.slug,
            deployment_id=row.deployment_id,
            scopes=frozenset(row.scopes) & frozenset(subject.scopes),
            created_at=row.created_at,
            expires_at=_earlier(row.expires_at, subject.expires_at),
        )
        if token.expires_at <= now:
            raise NotSignedIn("This token has expired; exchange the vendor key for a new one.")
        self._remembered.remember(text, token, now, changes=changes)
        return token


class DeploymentTokens:
    """Tokens made, listed and revoked. Whose the deployment is, the caller of `issue` has asked."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def issue(self, subject: Key, deployment_id: str, *, scopes: list[str] | None, life: timedelta) -> NewToken:
        """A token for a key in force. `scopes` None: all that a token may carry and the key carries.

        It ends with the key, if not before. Raises `TokenScopesTooWide`.
        """
        now = self._clock.now()
        token_id = self._ids.new(id_prefix.KEY)
        text = make_key("sit", token_id, self._ids.secret(32))
        row = DeploymentToken(
            id=token_id,
            organisation_id=subject.organisation_id,
            deployment_id=deployment_id,
            subject_key_id=subject.id,
            scopes=_narrow(subject, scopes),
            secret_digest=digest(parse_key(text).secret),
            created_at=now,
            expires_at=_earlier(now + min(life, LONGEST_LIFE), subject.expires_at),
        )
        self._rows.add(row)
        await self._rows.flush()
        news = TokenIssued(
            by=subject.id, token_id=token_id, deployment_id=deployment_id, organisation_id=subject.organisation_id
        )
        await self._outbox.add(self._session, news)
        return NewToken(row, text, row.expires_at)

    async def list_all(
        self, caller: Caller, deployment_id: str, *, after: str | None, limit: int
    ) -> list[DeploymentToken]:
        """The tokens of one deployment of the caller's organisation, in the order they were made."""
        caller.require(Permission.SERVICES_READ)
        return await self._rows.list_tokens(caller.organisation_id, deployment_id, after, limit)

    async def revoke(self, caller: Caller, token_id: str) -> None:
        """Out of force at once and everywhere. Revoking a revoked one changes nothing. Raises `KeyNotFound`."""
        caller.require(Permission.DEPLOYMENTS_WRITE)
        token = await self._rows.find_token(token_id, lock=True)
        if token is None or token.organisation_id != caller.organisation_id:
            raise KeyNotFound(f"Your organisation has no token {token_id}.", key=token_id)
        if token.revoked_at is None:
            token.revoked_at = self._clock.now()
            news = KeyChanged(by=caller.actor, key_id=token.id, organisation_id=token.organisation_id)
            await self._outbox.add(self._session, news)


def _narrow(subject: Key, wanted: list[str] | None) -> list[str]:
    most = {scope.value for scope in KEY_SCOPES["sit"]} & set(subject.scopes)
    if wanted is None:
        return sorted(most)
    refused = sorted(set(wanted) - most)
    if refused:
        raise TokenScopesTooWide(f"A token of this key may not carry {', '.join(refused)}.", refused=refused)
    return sorted(set(wanted))


def _earlier(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, other)


def _name(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
