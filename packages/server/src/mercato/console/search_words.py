"""What filters and orders are called on the page."""

from mercato.console.formatting import count, money

FACET_NAMES = (
    "task", "pricing", "modality_in", "modality_out", "protocol", "vendor", "verified", "licence", "region", "sla_met",
    "status", "tag",
)  # fmt: skip
"""In the order in which people narrow a search down."""

TITLES: dict[str, str] = {
    "task": "Task", "pricing": "Charged", "modality": "Modality", "modality_in": "Takes", "modality_out": "Gives",
    "protocol": "Protocol", "vendor": "Vendor", "verified": "Verified vendor", "licence": "Licence",
    "region": "Region", "sla_met": "Keeps its promises", "status": "Status", "tag": "Tag",
    "max_price_per_call": "Price of a call", "min_price_per_call": "Price of a call",
    "max_price_per_1k_tokens": "Price of a million tokens", "min_price_per_1k_tokens": "Price of a million tokens",
    "max_price_per_month": "Monthly fee", "min_price_per_month": "Monthly fee",
    "min_context_window": "Context window", "max_context_window": "Context window",
    "max_p95_ms": "Measured p95", "min_p95_ms": "Measured p95",
    "min_availability_bp": "Measured availability", "max_availability_bp": "Measured availability",
    "min_rating": "Rating", "max_rating": "Rating", "min_calls": "Calls in 30 days", "max_calls": "Calls in 30 days",
    "min_consumers": "Callers in 30 days", "max_consumers": "Callers in 30 days",
    "released_since": "Released since", "released_until": "Released until",
}  # fmt: skip

SORTS: tuple[tuple[str, str], ...] = (
    ("relevance", "Best first"), ("price_per_call", "Price of a call"), ("price_per_1k_tokens", "Price of tokens"),
    ("price_per_month", "Monthly fee"), ("context_window", "Context window"), ("p95_ms", "Measured p95"),
    ("availability_bp", "Measured availability"), ("rating", "Rating"), ("calls", "Calls"), ("consumers", "Callers"),
    ("released", "Newest"),
)  # fmt: skip


def words_of(name: str, value: str, currency: str) -> str:
    """A filter's value in the unit that people think in; what is no number stays as it is."""
    sign = "≤" if name.startswith("max_") else "≥"
    of = name.partition("_")[2]
    if name == "pricing":
        return value.replace("_", " ")
    if of == "rating":
        return f"{sign} {value} stars"
    if not value.isdecimal() or name in FACET_NAMES:
        return value
    number = int(value)
    if of in ("price_per_call", "price_per_month", "price_per_1k_tokens"):
        whole = number * 1_000 if of == "price_per_1k_tokens" else number
        return "free" if number == 0 and name.startswith("max_") else f"{sign} {money(whole, currency)}"
    units = {"p95_ms": " ms", "context_window": " tokens"}
    if of == "availability_bp":
        return f"{sign} {number / 100:g} %"
    return f"{sign} {count(number)}{units.get(of, '')}"
