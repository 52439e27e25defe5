"""`Counters` on PostgreSQL: a row a scope and window, locked in one order, so that any number of gateways is exact."""

from mercato.adapters.counters_postgres.counters import PostgresCounters
from mercato.adapters.counters_postgres.lending import Lending, key_of
from mercato.adapters.counters_postgres.rows import CounterRows
from mercato.adapters.counters_postgres.tally import CounterKey, Tally

__all__ = ["CounterKey", "CounterRows", "Lending", "PostgresCounters", "Tally", "key_of"]
