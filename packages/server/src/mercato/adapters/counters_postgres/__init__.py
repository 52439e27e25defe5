"""`Counters` on PostgreSQL: a row a scope and window, locked in one order, so that any number of gateways is exact."""

from mercato.adapters.counters_postgres.counters import PostgresCounters

__all__ = ["PostgresCounters"]
