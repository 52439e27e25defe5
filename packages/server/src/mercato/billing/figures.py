"""What is sold, for Prometheus: counted once it is committed, by the process that posted it."""

from collections.abc import Sequence

from prometheus_client import Counter

from mercato.billing.sales import Sale

_CALLS = Counter("mercato_sold_calls_total", "Calls posted to the ledger")
_TOKENS = Counter("mercato_sold_tokens_total", "Tokens of calls posted to the ledger", ["direction"])
_CHARGED = Counter("mercato_charged_nanos_total", "What consumers were charged, in nano-units", ["item", "currency"])
_TAKE = Counter("mercato_take_nanos_total", "The marketplace's share of it, in nano-units", ["item", "currency"])


def count_sales(sales: Sequence[Sale]) -> None:
    """Add them to the process's counters; corrections are not counted, because a counter never goes down."""
    for sale in sales:
        if sale.sold.item == "adjustment" or sale.gross_nanos < 0:
            continue
        _CALLS.inc(sale.calls)
        _TOKENS.labels("in").inc(sale.tokens_in)
        _TOKENS.labels("out").inc(sale.tokens_out)
        _CHARGED.labels(sale.sold.item, sale.sold.currency).inc(sale.gross_nanos)
        _TAKE.labels(sale.sold.item, sale.sold.currency).inc(sale.fee_nanos)
