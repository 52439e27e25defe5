"""Access tokens: JWT, HMAC-SHA256, a quarter of an hour. Refresh tokens: random, each used once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from mercato.identity.refusals import NotSignedIn

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
_ISSUER = "mercato"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whose token it is and of which session."""

    user_id: str
    session_id: str


class AccessTokens:
    """Signs and checks access tokens. `signing_key`: 32 bytes or more, the same in every process."""

    def __init__(self, signing_key: bytes) -> None:
        if len(signing_key) < 32:
            raise ValueError("the signing key of sessions takes 32 bytes or more")
        self._signing_key = signing_key

    def sign(self, claims: AccessClaims, now: datetime) -> str:
        """A token that is valid from `now` for `ACCESS_LIFETIME`."""
        payload = {
            "iss": _ISSUER,
            "sub": claims.user_id,
            "sid": claims.session_id,
            "iat": now,
            "exp": now + ACCESS_LIFETIME,
        }
        return jwt.encode(payload, self._signing_key, algorithm="HS256")

    def check(self, token: str, now: datetime) -> AccessClaims:
        """The claims of a token that we signed and that has not expired; raises `NotSignedIn`."""
        try:
            payload = jwt.decode(
                token,
                self._signing_key,
                algorithms=["HS256"],
                issuer=_ISSUER,
                options={"require": ["exp", "sub", "sid"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise NotSignedIn("This access token is not one of ours.") from None
        if payload["exp"] <= now.timestamp():
            raise NotSignedIn("This access token has expired.")
        return AccessClaims(str(payload["sub"]), str(payload["sid"]))
