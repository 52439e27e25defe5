"""The units of our charts. Money is nano-dollars until it is written."""

from mercato.console.charts import Unit
from mercato.console.formatting import NANOS, compact, count, millis, money, money_rounded, share


def _whole(value: float) -> int:
    return int(value)


def charged_in(currency: str) -> Unit:
    """What was charged in one currency: no sum is made of several."""

    def on_an_axis(value: float) -> str:
        nanos = _whole(value)
        if nanos % NANOS:
            return money(nanos, currency)
        whole = compact(abs(nanos) // NANOS)
        return f"{'−' if nanos < 0 else ''}{'$' if currency == 'USD' else ''}{whole}"

    return Unit("charged", lambda value: money_rounded(_whole(value), currency), on_an_axis, summed=True)


CALLS = Unit("calls", lambda value: count(_whole(value)), summed=True)
ERROR_RATE = Unit("error rate", lambda value: share(_whole(value)), lambda value: share(_whole(value)))
LATENCY = Unit("p95", lambda value: millis(_whole(value)), lambda value: millis(_whole(value)))
