"""What a key may do, as the gateway asks it: once a minute for each key in use, and at once when something changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mercato.consumption.limits import Limits, plan_limits
from mercato.identity import Authentication, Key, NotSignedIn
from mercato.platform import Session, Unavailable
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import GrantedSubscription, KeyGrant


class ProofGate:
    """Lets few proofs of keys run at once: each costs milliseconds of a core and holds a connection meanwhile.

    Keys that nobody issued, sent in great number, thus cannot take all connections from those who have one.
    """

    def __init__(self, *, at_once: int = 4, waiting: int = 200) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn to prove a key. Raises `Unavailable` where too many wait already."""
        if self._room <= 0:
            raise Unavailable("Too many keys wait to be proven.", retry_after_seconds=1)
        self._room -= 1
        try:
            async with self._turns:
                yield
        finally:
            self._room += 1


class Introspection:
    """Answers what a key may do."""

    def __init__(self, session: Session, authentication: Authentication) -> None:
        self._authentication = authentication
        self._limits = Limits(session)
        self._terms = SubscriptionTerms(session, Catalogue(session))

    async def introspect(self, text: str) -> KeyGrant:
        """The grant of the key `text`; `active` false for any that is not in force, whatever the reason."""
        try:
            key = await self._authentication.prove_key(text)
        except NotSignedIn:
            return KeyGrant(active=False)
        return await self._grant(key)

    async def _grant(self, key: Key) -> KeyGrant:
        subscriptions = [
            GrantedSubscription(
                id=terms.subscription.id,
                service_id=terms.subscription.service_id,
                plan_id=terms.plan.id,
                limits=plan_limits(terms.subscription.id, terms.plan),
            )
            for terms in await self._terms.active_of(key.organisation_id)
        ]
        return KeyGrant(
            active=True,
            key_id=key.id,
            consumer_id=key.organisation_id,
            scopes=key.scopes,
            expires_at_ms=None if key.expires_at is None else int(key.expires_at.timestamp() * 1000),
            limits=await self._limits.of_key(key.id, key.organisation_id),
            subscriptions=subscriptions,
        )
