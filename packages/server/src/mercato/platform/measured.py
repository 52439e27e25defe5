"""Gauges that Prometheus sees only where and once they were measured.

A gauge of the library is 0 from the import on, in every process: an alert on a minimum then always fires, and one on an
age never does.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class MeasuredGauge(Collector):
    """A gauge without any sample until `set` or `replace`."""

    def __init__(
        self, name: str, meaning: str, labels: Labels = (), registry: CollectorRegistry | None = REGISTRY
    ) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._values: dict[Labels, float] = {}
        if registry is not None:
            registry.register(self)

    def set(self, value: float, *labels: str) -> None:
        """The sample of these labels from now on."""
        self._values = {**self._values, labels: value}

    def replace(self, values: Mapping[Labels, float]) -> None:
        """These samples and no others: what was not measured this time is gone."""
        self._values = dict(values)

    def describe(self) -> Iterator[Metric]:
        """Its name, by which the registry finds doubles."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        """What was measured; nothing where nothing was."""
        values = self._values
        if values:
            family = self._family()
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self._name, self._meaning, labels=self._labels)
