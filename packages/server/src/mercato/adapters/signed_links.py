"""Links that prove themselves: HMAC-SHA256 over the object's key and the second at which the link expires."""

import hmac
from datetime import timedelta

from mercato.platform import Clock, MarketplaceSecret, Purpose, Refusal, is_any_of


class LinkRefused(Refusal):
    """The link's signature is not ours, or it was changed."""

    code = "link_refused"
    status = 403
    title = "The link is not valid"
    fix = "Use the address exactly as it was given; ask for the list of files to get a new one."


class LinkExpired(Refusal):
    """The link was good and its time is over."""

    code = "link_expired"
    status = 403
    title = "The link has expired"
    fix = "Ask for the list of files to get a new link; what was downloaded already can be kept."


class SignedLinks:
    """Signs and checks. `secret` is the marketplace's own; keys for links are derived from it."""

    def __init__(self, secret: MarketplaceSecret, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, key: str, expires_in: timedelta) -> dict[str, str]:
        """The query of a link: `expires` (seconds since 1970) and `signature` (hexadecimal)."""
        expires = str(int((self._clock.now() + expires_in).timestamp()))
        return {"expires": expires, "signature": _sign(self._secret.derive(Purpose.OBJECT_LINK), key, expires)}

    def check(self, key: str, expires: str, signature: str) -> None:
        """Raises `LinkRefused`, `LinkExpired`. The signature comes first, so that nobody learns what would be valid."""
        secrets = self._secret.derive_each(Purpose.OBJECT_LINK)
        if not is_any_of(signature, (_sign(secret, key, expires) for secret in secrets)):
            raise LinkRefused("The link's signature does not fit its address.")
        if self._clock.now().timestamp() >= int(expires):
            raise LinkExpired("The link's time is over.")


def _sign(secret: bytes, key: str, expires: str) -> str:
    signed = f"{key}\n{expires}".encode("utf-8", "replace")
    return hmac.digest(secret, signed, "sha256").hex()
