"""Secrets of single sign-on: clients' secrets are sealed; what proves a sign-in is derived and kept nowhere."""

from datetime import datetime

from mercato.platform import MarketplaceSecret, Purpose, Seal


class SsoSecrets:
    """`secret` is the marketplace's own."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._secret = secret
        self._seal = Seal(secret, Purpose.SSO_CLIENT_SECRET)

    def seal(self, organisation_id: str, issuer: str, nonce: bytes, client_secret: str) -> bytes:
        """Bound to the organisation and the issuer: the secret is never sent to another issuer."""
        return self._seal.seal(organisation_id, nonce, client_secret.encode(), place=issuer)

    def open(self, organisation_id: str, issuer: str, sealed: bytes) -> str:
        """Raises `SealBroken`."""
        return self._seal.open(organisation_id, sealed, place=issuer).decode()

    def nonce_of(self, state: str, begun_at: datetime) -> str:
        """What the ID token of this sign-in must hold."""
        return self._derive("nonce", state, begun_at)

    def verifier_of(self, state: str, begun_at: datetime) -> str:
        """The code verifier of this sign-in (RFC 7636)."""
        return self._derive("verifier", state, begun_at)

    def _derive(self, what: str, state: str, begun_at: datetime) -> str:
        # By the key of that moment: the provider has the nonce of a sign-in that began before a rotation.
        return self._secret.derive_at(begun_at, Purpose.SSO_SIGN_IN, f"{what} {state}").hex()
