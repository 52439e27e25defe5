"""Units of the operator's charts."""

from mercato.console.charts import Unit

CALLS = Unit("calls", summed=True)
