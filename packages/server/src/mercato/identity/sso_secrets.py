"""Secrets of single sign-on: clients' secrets are sealed; what proves a sign-in is derived and kept nowhere."""

from mercato.platform import Purpose, Seal, derive_key


class SsoSecrets:
    """`secret` is the marketplace's own, 32 bytes or more."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._seal = Seal(secret, Purpose.SSO_CLIENT_SECRET)

    def seal(self, organisation_id: str, issuer: str, nonce: bytes, client_secret: str) -> bytes:
        """Bound to the organisation and the issuer: the secret is never sent to another issuer."""
        return self._seal.seal(organisation_id, nonce, client_secret.encode(), place=issuer)

    def open(self, organisation_id: str, issuer: str, sealed: bytes) -> str:
        """Raises `SealBroken`."""
        return self._seal.open(organisation_id, sealed, place=issuer).decode()

    def nonce_of(self, state: str) -> str:
        """What the ID token of this sign-in must hold."""
        return self._derive("nonce", state)

    def verifier_of(self, state: str) -> str:
        """The code verifier of this sign-in (RFC 7636)."""
        return self._derive("verifier", state)

    def _derive(self, what: str, state: str) -> str:
        return derive_key(self._secret, Purpose.SSO_SIGN_IN, f"{what} {state}").hex()
