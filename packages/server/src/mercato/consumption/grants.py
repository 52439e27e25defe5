"""What a key may do. Gateways ask once a minute for each key in use, and immediately after a change."""

from mercato.consumption.limits import Limits, plan_limits
from mercato.identity import TOKEN_PREFIX, Authentication, Key, NotSignedIn, ProvenToken
from mercato.platform import Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import GrantedSubscription, KeyGrant


class Introspection:
    """Answers what a key may do."""

    def __init__(self, session: Session, authentication: Authentication) -> None:
        self._authentication = authentication
        self._limits = Limits(session)
        self._terms = SubscriptionTerms(session, Catalogue(session))

    async def introspect(self, text: str) -> KeyGrant:
        """The grant of the key `text`; `active` false for any that is not in force, whatever the reason."""
        try:
            if text.startswith(TOKEN_PREFIX):
                return _grant_token(await self._authentication.prove_token(text))
            key = await self._authentication.prove_key(text)
        except NotSignedIn:
            return KeyGrant(active=False)
        return await self._grant(key)

    async def _grant(self, key: Key) -> KeyGrant:
        active = await self._terms.active_of(key.organisation_id)
        of_vendors = await self._limits.of_vendors({terms.subscription.vendor_id for terms in active})
        subscriptions = [
            GrantedSubscription(
                id=terms.subscription.id,
                service_id=terms.subscription.service_id,
                plan_id=terms.plan.id,
                limits=plan_limits(terms.subscription.id, terms.plan) + of_vendors[terms.subscription.vendor_id],
            )
            for terms in active
        ]
        return KeyGrant(
            active=True,
            key_id=key.id,
            consumer_id=key.organisation_id,
            scopes=key.scopes,
            expires_at_ms=None if key.expires_at is None else int(key.expires_at.timestamp() * 1000),
            limits=await self._limits.of_key(key),
            subscriptions=subscriptions,
            services=key.held_services or None,
            addresses=key.held_addresses or None,
        )


def _grant_token(token: ProvenToken) -> KeyGrant:
    """A deployment's token is active at the gateway too, but may call nothing: it lacks the scope."""
    return KeyGrant(
        active=True,
        key_id=token.id,
        consumer_id=token.organisation_id,
        scopes=sorted(token.scopes),
        expires_at_ms=int(token.expires_at.timestamp() * 1000),
    )
