"""Units of the operator's charts."""

from mercato.console.charts import Unit
from mercato.console.formatting import usd, usd_rounded

CALLS = Unit("calls", summed=True)
CHARGED = Unit(
    "USD",
    write=lambda value: usd(int(value)),
    write_tick=lambda value: usd_rounded(int(value)) if value else "$0",
    summed=True,
)
