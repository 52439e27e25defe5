"""Devices that signed in before: a token that opens nothing, and keeps others' guesses from delaying its owner.

Source of the idea: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from datetime import datetime, timedelta

from mercato.platform import Ids, MarketplaceSecret, Purpose, is_any_of

LIFETIME = timedelta(days=90)
_DIGITS = 32


class KnownDevices:
    """Issues and reads device tokens. `secret` is the marketplace's own."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._secret = secret

    def issue(self, user_id: str, ids: Ids, now: datetime) -> str:
        """A token for the device on which this person has just signed in."""
        body = f"{ids.secret(16).hex()}.{int(now.timestamp())}"
        return f"{body}.{_shown(self._secret.derive(Purpose.KNOWN_DEVICE, _name(user_id, body)))}"

    def find(self, token: str | None, user_id: str, now: datetime) -> str | None:
        """The device's name, where the token was issued to this person in the last 90 days."""
        body, _, seal = (token or "").rpartition(".")
        device, _, issued = body.partition(".")
        ours = map(_shown, self._secret.derive_each(Purpose.KNOWN_DEVICE, _name(user_id, body)))
        if not is_any_of(seal, ours):
            return None
        return device if 0 <= now.timestamp() - int(issued) < LIFETIME.total_seconds() else None


def _name(user_id: str, body: str) -> str:
    return f"{user_id}\0{body}"


def _shown(key: bytes) -> str:
    return key.hex()[:_DIGITS]
