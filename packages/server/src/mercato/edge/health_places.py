"""Where the marketplace's own services are, for the probes of their health."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HealthPlaces:
    """Addresses by service, without a closing slash; what asks engines whether they answer; the folder of the state."""

    urls: Mapping[str, tuple[str, ...]]
    folder: Path
    engines: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """By the name of the engine; each raises when it does not answer."""

    def of(self, service: str) -> tuple[str, ...]:
        """Its addresses, one at least."""
        return self.urls[service]
