"""Money: whole nano-units of one currency, so that a sum never drifts."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, Overflow
from typing import Literal

Currency = Literal["USD", "EUR"]
NANOS_PER_UNIT = 1_000_000_000


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies do not add up."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount: `nanos` whole nano-units of `currency`."""

    nanos: int
    currency: Currency = "USD"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")
        return Money(self.nanos + other.nanos, self.currency)

    def __str__(self) -> str:
        """Exact, without trailing zeros beyond the cent: `0.000002 USD`, `12.50 USD`."""
        text = f"{abs(self.nanos) // NANOS_PER_UNIT}.{abs(self.nanos) % NANOS_PER_UNIT:09d}"
        whole, fraction = text.split(".")
        fraction = fraction.rstrip("0").ljust(2, "0")
        return f"{'-' if self.nanos < 0 else ''}{whole}.{fraction} {self.currency}"


def parse_amount(text: str | int | float | Decimal) -> int:
    """Nano-units of a decimal amount such as `"0.0002"`; raises `ValueError` for anything else, and for finer ones.

    A float is read by its shortest decimal form, as a person wrote it in YAML.
    """
    try:
        nanos = Decimal(str(text)) * NANOS_PER_UNIT
    except (InvalidOperation, Overflow):
        raise ValueError("not a decimal amount such as 0.0002") from None
    # 10^30 is beyond any price: a huge exponent must not become a huge integer.
    if not nanos.is_finite() or nanos.adjusted() > 30:
        raise ValueError("not a decimal amount such as 0.0002")
    if nanos != nanos.to_integral_value():
        raise ValueError(f"{text} is not a whole number of nano-units (nine decimals at most)")
    return int(nanos)
