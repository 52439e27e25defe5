"""Links that prove themselves: HMAC-SHA256 over the object's key and the second at which the link expires."""

import hmac
from datetime import timedelta

from mercato.platform import Clock, Purpose, Refusal, derive_key


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
    """Signs and checks. `secret` is the marketplace's own; the key for links is derived from it."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._key = derive_key(secret, Purpose.OBJECT_LINK)
        self._clock = clock

    def sign(self, key: str, expires_in: timedelta) -> dict[str, str]:
        """The query of a link: `expires` (seconds since 1970) and `signature` (hexadecimal)."""
        expires = str(int((self._clock.now() + expires_in).timestamp()))
        return {"expires": expires, "signature": self._signature(key, expires)}

    def check(self, key: str, expires: str, signature: str) -> None:
        """Raises `LinkRefused`, `LinkExpired`. The signature comes first, so that nobody learns what would be valid."""
        expected = self._signature(key, expires)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise LinkRefused("The link's signature does not fit its address.")
        if self._clock.now().timestamp() >= int(expires):
            raise LinkExpired("The link's time is over.")

    def _signature(self, key: str, expires: str) -> str:
        signed = f"{key}\n{expires}".encode("utf-8", "replace")
        return hmac.digest(self._key, signed, "sha256").hex()
