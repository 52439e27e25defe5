"""Access tokens: JWT, HMAC-SHA256, a quarter of an hour. Refresh tokens: random, each used once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from mercato.identity.refusals import NotSignedIn
from mercato.platform import MarketplaceSecret

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
_ISSUER = "mercato"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whose token it is and of which session."""

    user_id: str
    session_id: str


class AccessTokens:
    """Signs and checks access tokens by the marketplace's `secret` itself."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._secret = secret

    def sign(self, claims: AccessClaims, now: datetime) -> str:
        """A token that is valid from `now` for `ACCESS_LIFETIME`."""
        payload = {
            "iss": _ISSUER,
            "sub": claims.user_id,
            "sid": claims.session_id,
            "iat": now,
            "exp": now + ACCESS_LIFETIME,
        }
        newest = self._secret.newest
        assert newest.secret is not None
        return jwt.encode(payload, newest.secret, algorithm="HS256")

    def check(self, token: str, now: datetime) -> AccessClaims:
        """The claims of a token that we signed and that has not expired; raises `NotSignedIn`."""
        payload = next(filter(None, (self._decode(token, secret) for secret in self._secret.all)), None)
        if payload is None:
            raise NotSignedIn("This access token is not one of ours.")
        if payload["exp"] <= now.timestamp():
            raise NotSignedIn("This access token has expired.")
        return AccessClaims(str(payload["sub"]), str(payload["sid"]))

    def _decode(self, token: str, secret: bytes) -> dict[str, Any] | None:
        try:
            return jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                issuer=_ISSUER,
                options={"require": ["exp", "sub", "sid"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
