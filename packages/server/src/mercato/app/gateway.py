"""The gateway's settings out of the marketplace's own. It is a program apart; only this file knows both."""

from argparse import Namespace

from mercato.app.settings import Settings, internal_port_of
from mercato_gateway.main import run
from mercato_gateway.settings import read_settings


def run_gateway(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve calls until told to stop; calls in hand are finished first.

    What the marketplace does not decide comes from the gateway's own `MERCATO_GATEWAY_…`.
    """
    decided = Namespace(
        listen=f"{host}:{port}",
        admin=f"127.0.0.1:{settings.gateway_admin_port}",
        control=settings.control_url or f"http://127.0.0.1:{internal_port_of(settings, settings.port)}",
        token_file=str(settings.gateway_token_file),
        state=str(settings.state / "gateway"),
        workers=workers,
        allow_private_upstreams=settings.allow_private_endpoints,
    )
    run(read_settings(decided))
