"""The ports that a marketplace on one machine listens on."""

import socket
from dataclasses import dataclass

from mercato.app.settings import Settings, internal_port_of


@dataclass(frozen=True, slots=True)
class Port:
    """A port, what it is for, and the setting that moves it."""

    host: str
    number: int
    use: str
    setting: str


def ports_of(settings: Settings) -> list[Port]:
    """All that `mercato up` listens on."""
    return [
        Port(settings.host, settings.port, "control API", "MERCATO_PORT"),
        Port(
            settings.internal_host,
            internal_port_of(settings, settings.port),
            "control plane's gateways and metrics",
            "MERCATO_INTERNAL_PORT",
        ),
        Port(settings.host, settings.gateway_port, "gateway", "MERCATO_GATEWAY_PORT"),
        Port("127.0.0.1", settings.worker_port, "worker's health", "MERCATO_WORKER_PORT"),
        *(
            Port("127.0.0.1", settings.gateway_admin_port + worker, "gateway's health", "MERCATO_GATEWAY_ADMIN_PORT")
            for worker in range(settings.gateway_workers)
        ),
    ]


def is_free(port: Port) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a connection of an earlier run that is closing does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError:
            return False
    return True
