"""Where the marketplace's own services are, as the settings say it."""

from dataclasses import replace

from mercato.app.engines import build_pings
from mercato.app.settings import Settings, internal_port_of
from mercato.edge.health_places import HealthPlaces
from mercato.edge.wiring import Wiring

_ROLE_PORTS = {
    "publishing": 3001,
    "discovery": 3002,
    "consumption": 3003,
    "accounts": 3004,
    "vendors": 3006,
    "admin": 3007,
}


def with_probes(wiring: Wiring, settings: Settings) -> Wiring:
    """The parts of a process that serves: it takes part in probing the others."""
    return replace(wiring, health_places=places_of(settings))


def places_of(settings: Settings) -> HealthPlaces:
    """This machine's usual ports, and what `MERCATO_HEALTH_URLS` names instead.

    A role is looked for where `mercato up` serves all of them, then on its own port.
    """
    host = _local(settings.host)
    urls: dict[str, tuple[str, ...]] = {
        role: (_probed(settings, host, settings.port), _probed(settings, host, port))
        for role, port in _ROLE_PORTS.items()
    }
    admin_ports = range(settings.gateway_admin_port, settings.gateway_admin_port + settings.gateway_workers)
    urls["gateway"] = tuple(f"http://127.0.0.1:{port}" for port in admin_ports)
    urls["worker"] = (f"http://127.0.0.1:{settings.worker_port}",)
    named: dict[str, tuple[str, ...]] = {}
    for part in filter(None, settings.health_urls.split(",")):
        role, _, url = part.partition("=")
        named[role] = (*named.get(role, ()), url)
    return HealthPlaces({**urls, **named}, settings.state, build_pings(settings))


def _probed(settings: Settings, host: str, port: int) -> str:
    """Where a role of this machine is asked for readiness: without a certificate where that is possible."""
    if settings.tls_cert is None:
        return f"http://{host}:{port}"
    if settings.client_ca is None:
        return f"http://{_local(settings.internal_host)}:{internal_port_of(settings, port)}"
    return f"https://{host}:{port}"


def _local(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
