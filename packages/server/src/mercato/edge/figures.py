"""What fills up in a process of the control plane: read when Prometheus asks, so that a request counts nothing."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mercato.edge.wiring import Wiring
from mercato.platform import Database


class PoolFigures(Collector):
    """Connections of the database, bodies in memory and keys that wait for their hash: what is used, and the limit."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def collect(self) -> Iterator[Metric]:
        """Read now."""
        wiring = self._wiring
        yield from _connections({"requests": wiring.database, "gateways": wiring.gateway_database})
        yield _gauge("mercato_bodies_bytes", "Bodies of requests in memory", wiring.body_room.held)
        yield _gauge("mercato_bodies_limit_bytes", "The most bytes of bodies at once", wiring.body_room.most)
        yield _gauge("mercato_hashing_waiting", "Passwords and keys that wait for their hash", wiring.hasher.waiting)
        yield _gauge("mercato_hashing_limit", "The most that may wait", wiring.hasher.most_waiting)


def render_figures(wiring: Wiring) -> bytes:
    """Prometheus' text format: what the process counted, and what is full."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PoolFigures(wiring))
    return generate_latest() + generate_latest(registry)


def _connections(pools: dict[str, Database]) -> Iterator[Metric]:
    used = GaugeMetricFamily(
        "mercato_database_connections", "Connections of the database's pools", labels=["pool", "state"]
    )
    most = GaugeMetricFamily("mercato_database_connections_limit", "The most connections of a pool", labels=["pool"])
    for name, database in pools.items():
        in_use, idle, limit = database.connections()
        used.add_metric([name, "in_use"], in_use)
        used.add_metric([name, "idle"], idle)
        most.add_metric([name], limit)
    yield used
    yield most


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
