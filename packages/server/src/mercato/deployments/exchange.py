"""A vendor key exchanged for a deployment's token (RFC 8693): fewer scopes, one deployment, revoked with the key."""

from datetime import timedelta

from mercato.identity import (
    Authentication,
    DeploymentTokens,
    ExchangeRefused,
    Key,
    NewToken,
    NotSignedIn,
    TargetUnknown,
)
from mercato.publishing import Catalogue

LIFE_DEFAULT = timedelta(days=30)


class TokenExchange:
    """Exchanges within one transaction."""

    def __init__(self, authentication: Authentication, catalogue: Catalogue, tokens: DeploymentTokens) -> None:
        self._authentication = authentication
        self._catalogue = catalogue
        self._tokens = tokens

    async def held_to(self, subject_token: str) -> tuple[str, ...]:
        """The networks that the key may be shown from; empty: any. Raises `ExchangeRefused`."""
        return tuple((await self._prove(subject_token)).held_addresses)

    async def exchange(
        self, subject_token: str, deployment_id: str, *, scopes: list[str] | None, life: timedelta
    ) -> NewToken:
        """A token for `deployment_id`. Raises `ExchangeRefused`, `TargetUnknown`, `TokenScopesTooWide`."""
        key = await self._prove(subject_token)
        service = await self._catalogue.find_service_of(deployment_id)
        if service is None or service.vendor_id != key.organisation_id:
            raise TargetUnknown("`audience` is no deployment of the organisation whose key this is.")
        return await self._tokens.issue(key, deployment_id, scopes=scopes, life=life)

    async def _prove(self, subject_token: str) -> Key:
        try:
            key = await self._authentication.prove_key(subject_token)
        except NotSignedIn as refusal:
            raise ExchangeRefused(f"The subject token is not in force. {refusal.detail}") from None
        if key.kind != "vk":
            raise ExchangeRefused("Only a vendor key (`vk_…`) can be exchanged.")
        return key
