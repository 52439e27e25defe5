"""The marketplace of these tests."""

from tests.support.market import market

__all__ = ["market"]
