"""The units of our charts. Money is nano-dollars until it is written."""

from mercato.console.charts import Unit
from mercato.console.formatting import NANOS, compact, count, millis, share, usd, usd_rounded


def _whole(value: float) -> int:
    return int(value)


def _dollars_on_an_axis(value: float) -> str:
    nanos = _whole(value)
    if nanos % NANOS:
        return usd(nanos)
    return f"{'−' if nanos < 0 else ''}${compact(abs(nanos) // NANOS)}"


CALLS = Unit("calls", lambda value: count(_whole(value)), summed=True)
CHARGED = Unit("charged", lambda value: usd_rounded(_whole(value)), _dollars_on_an_axis, summed=True)
ERROR_RATE = Unit("error rate", lambda value: share(_whole(value)), lambda value: share(_whole(value)))
LATENCY = Unit("p95", lambda value: millis(_whole(value)), lambda value: millis(_whole(value)))
