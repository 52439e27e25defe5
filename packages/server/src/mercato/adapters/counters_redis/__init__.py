"""`Counters` with what is lent counted in Redis, and nothing there that PostgreSQL cannot say again."""

from mercato.adapters.counters_redis.counters import CountersUnavailable, RedisCounters
from mercato.adapters.counters_redis.lent import connect

__all__ = ["CountersUnavailable", "RedisCounters", "connect"]
