"""Links in letters: derived from a row's id by the marketplace's secret, so no row or event holds a secret."""

from mercato.platform import MarketplaceSecret, Purpose, is_any_of

_DIGITS = 32


class LinkTokens:
    """Tokens of one purpose: `<id>.<32 hexadecimal digits>`. `secret` is the marketplace's own."""

    def __init__(self, secret: MarketplaceSecret, purpose: Purpose) -> None:
        self._secret = secret
        self._purpose = purpose

    def of(self, row_id: str) -> str:
        """The token of this row: the same one until the marketplace has a new key, and that one still opens it."""
        return f"{row_id}.{_shown(self._secret.derive(self._purpose, row_id))}"

    def find_id(self, token: str) -> str | None:
        """The id of the row that the token opens; `None` where we did not issue it."""
        row_id, _, seal = token.partition(".")
        ours = map(_shown, self._secret.derive_each(self._purpose, row_id))
        return row_id if is_any_of(seal, ours) else None


def _shown(key: bytes) -> str:
    return key.hex()[:_DIGITS]
