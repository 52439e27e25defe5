"""The lines of a comparison: one number of several services, and which of them are best at it."""

from collections.abc import Callable, Sequence
from typing import Literal

from mercato.discovery import ExactFigures, ListedService
from mercato_contracts.listings import ComparedNumber, MeasuredExactly
from mercato_contracts.money import Currency

Unit = Literal["nanos", "tokens", "us", "bp", "hundredths", "count"]
Read = Callable[[ListedService], int | None]


def compared_numbers(services: Sequence[ListedService], currency: Currency) -> list[ComparedNumber]:
    """Every line that at least one of them has a number for."""
    lines: list[tuple[str, Unit, bool, Read]] = [
        ("price_per_call", "nanos", True, lambda one: one.document.price_of_a_call(currency)),
        ("price_per_1k_tokens", "nanos", True, lambda one: one.document.price_of_1k_tokens(currency)),
        ("price_per_month", "nanos", True, lambda one: one.document.price_of_a_month(currency)),
        ("context_window", "tokens", False, lambda one: one.document.context_window),
        ("p50", "us", True, lambda one: one.figures.p50_us),
        ("p95", "us", True, lambda one: one.figures.p95_us),
        ("availability", "bp", False, lambda one: one.figures.availability_bp),
        ("rating", "hundredths", False, lambda one: one.document.figures.rating),
        ("calls", "count", False, lambda one: one.figures.calls),
        ("consumers", "count", False, lambda one: one.figures.consumers),
    ]
    found = []
    for name, unit, low_first, read in lines:
        values = [read(one) for one in services]
        if any(value is not None for value in values):
            better: Literal["lower", "higher"] = "lower" if low_first else "higher"
            best = _best(values, low_first=low_first)
            found.append(ComparedNumber(name=name, unit=unit, better=better, values=values, best=best))
    return found


def view_exactly(figures: ExactFigures) -> MeasuredExactly:
    """What was measured, without rounding."""
    return MeasuredExactly(
        calls=figures.calls,
        consumers=figures.consumers,
        failed=figures.failed,
        p50_us=figures.p50_us,
        p95_us=figures.p95_us,
        availability_bp=figures.availability_bp,
        sla_met=figures.is_met,
        rating=figures.rating,
        reviews=figures.reviews,
        measured_at=figures.measured_at,
    )


def _best(values: Sequence[int | None], *, low_first: bool) -> list[int]:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    best = min(known) if low_first else max(known)
    return [place for place, value in enumerate(values) if value == best]
