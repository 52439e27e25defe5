"""Links in letters: derived from a row's id by the marketplace's secret, so no row or event holds a secret."""

import hmac

from mercato.platform import Purpose, derive_key

_DIGITS = 32


class LinkTokens:
    """Tokens of one purpose: `<id>.<32 hexadecimal digits>`. `secret` is the marketplace's own, 32 bytes or more."""

    def __init__(self, secret: bytes, purpose: Purpose) -> None:
        self._secret = secret
        self._purpose = purpose

    def of(self, row_id: str) -> str:
        """The token of this row, always the same."""
        return f"{row_id}.{self._seal(row_id)}"

    def find_id(self, token: str) -> str | None:
        """The id of the row that the token opens; `None` where we did not issue it."""
        row_id, _, seal = token.partition(".")
        return row_id if hmac.compare_digest(seal.encode(), self._seal(row_id).encode()) else None

    def _seal(self, row_id: str) -> str:
        return derive_key(self._secret, self._purpose, row_id).hex()[:_DIGITS]
