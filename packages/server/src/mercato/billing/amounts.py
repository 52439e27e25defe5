"""Units and money of adjustments: how they are priced, and what is left to credit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from mercato.publishing import Plan
from mercato_contracts.pricing import QuotaUnit, charge, is_owed


class Counted(Protocol):
    """Anything with these four figures."""

    calls: int
    tokens_in: int
    tokens_out: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """Calls, tokens and nano-units of a currency; of a credit all are negative or zero."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nanos: int = 0

    @staticmethod
    def of(row: Counted) -> "Amounts":
        return Amounts(row.calls, row.tokens_in, row.tokens_out, row.nanos)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.nanos + other.nanos,
        )

    def __neg__(self) -> "Amounts":
        return Amounts(-self.calls, -self.tokens_in, -self.tokens_out, -self.nanos)

    def at_most(self, other: "Amounts") -> "Amounts":
        """Each of the four, or the other's where that is smaller."""
        return Amounts(
            min(self.calls, other.calls),
            min(self.tokens_in, other.tokens_in),
            min(self.tokens_out, other.tokens_out),
            min(self.nanos, other.nanos),
        )

    def least(self) -> int:
        """The smallest of the four."""
        return min(self.calls, self.tokens_in, self.tokens_out, self.nanos)

    def least_unit(self) -> int:
        """The smallest of calls and tokens."""
        return min(self.calls, self.tokens_in, self.tokens_out)

    def units(self) -> dict[str, int]:
        """As facts of a refusal."""
        return {
            "requests": self.calls,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "nanos": self.nanos,
        }


Credit = tuple[date, date, Amounts]
"""Days from the first until before the second, and what is credited on them."""


def price_of(plan: Plan, units: Amounts, included: int) -> int:
    """What these units cost under the plan, of which it covers `included` units. No call is no price per call."""
    unit: dict[str | None, QuotaUnit] = {"requests": "requests", "tokens": "tokens"}
    return charge(
        per_call_nanos=plan.per_call_nanos * units.calls,
        per_1k_input_nanos=plan.per_1k_input_nanos,
        per_1k_output_nanos=plan.per_1k_output_nanos,
        included_unit=unit.get(plan.included_unit),
        included=included,
        tokens_in=units.tokens_in,
        tokens_out=units.tokens_out,
    ).nanos


def price_of_call(plan: Plan, *, status: int, included: int, tokens_in: int, tokens_out: int) -> int:
    """What one call costs under the plan, of which it covers `included` units; nothing where it is not owed."""
    return price_of(plan, Amounts(1, tokens_in, tokens_out), included) if is_owed(status) else 0


def find_excess(
    charged: Mapping[date, Amounts], credits: Sequence[Credit], new: Credit
) -> tuple[date, date, Amounts] | None:
    """A span of days in which credits would exceed the charges, and what is left in it; `None` if there is none.

    Only spans that contain the new credit can be overspent. Spans begin and end at the bounds of credits: any other
    holds a smaller charge of the same credits, or the same credits within fewer days.
    """
    starts = {since for since, _, _ in credits if since <= new[0]} | {new[0]}
    ends = {until for _, until, _ in credits if until >= new[1]} | {new[1]}
    for since in starts:
        for until in ends:
            days = _sum(charged.get(day, Amounts()) for day in _each_day(since, until))
            left = days + _sum(amounts for begin, end, amounts in credits if since <= begin and end <= until)
            if (left + new[2]).least() < 0:
                return since, until, left
    return None


def _sum(parts: Iterable[Amounts]) -> Amounts:
    whole = Amounts()
    for part in parts:
        whole += part
    return whole


def _each_day(since: date, until: date) -> Iterable[date]:
    return (since + timedelta(days=number) for number in range((until - since).days))
