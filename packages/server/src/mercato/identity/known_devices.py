"""Devices that signed in before: a token that opens nothing, and keeps others' guesses from delaying its owner.

Source of the idea: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hmac
from datetime import datetime, timedelta

from mercato.platform import Ids, Purpose, derive_key

LIFETIME = timedelta(days=90)
_DIGITS = 32


class KnownDevices:
    """Issues and reads device tokens. `secret` is the marketplace's own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, user_id: str, ids: Ids, now: datetime) -> str:
        """A token for the device on which this person has just signed in."""
        body = f"{ids.secret(16).hex()}.{int(now.timestamp())}"
        return f"{body}.{self._seal(user_id, body)}"

    def find(self, token: str | None, user_id: str, now: datetime) -> str | None:
        """The device's name, where the token was issued to this person in the last 90 days."""
        body, _, seal = (token or "").rpartition(".")
        device, _, issued = body.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(user_id, body).encode()):
            return None
        return device if 0 <= now.timestamp() - int(issued) < LIFETIME.total_seconds() else None

    def _seal(self, user_id: str, body: str) -> str:
        return derive_key(self._secret, Purpose.KNOWN_DEVICE, f"{user_id}\0{body}").hex()[:_DIGITS]
