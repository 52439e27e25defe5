"""Meaningless ids of stocks, different in each era, from a keyed hash (decision 0011)."""

import hmac

from mercato.platform import Purpose, derive_key

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_CHARACTERS = 12  # 60 bits: the chance of a collision among 160,000 rows is 1 in 90 million; then no panel is built


class Obscurer:
    """The ids of one dataset. `secret` is the marketplace's own; each dataset gets unrelated ids."""

    def __init__(self, secret: bytes, dataset: str) -> None:
        self._key = derive_key(secret, Purpose.STOCK_ID, dataset)

    def id_of(self, era: int, ticker: str) -> str:
        """HMAC-SHA256 over era and ticker, 60 bits of it in base 32: `n` and 12 characters."""
        number = int.from_bytes(hmac.digest(self._key, f"{era}\n{ticker}".encode(), "sha256")[:8], "big")
        return "n" + "".join(_LETTERS[number >> 5 * at & 31] for at in range(_CHARACTERS))
