"""The gateway's settings out of the marketplace's own. It is a program apart; only this file knows both."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import NoReturn

from mercato.app.settings import Settings, internal_port_of
from mercato_gateway.settings import read_settings, to_arguments


def become_gateway(
    settings: Settings, host: str, port: int, workers: int, client_ca: Path | None, *, with_parent: bool
) -> NoReturn:
    """Turn this process into the gateway's: nothing of the control plane stays in memory.

    What the marketplace does not decide comes from the gateway's own `MERCATO_GATEWAY_…`.
    """
    decided = Namespace(
        listen=f"{host}:{port}",
        admin=f"127.0.0.1:{settings.gateway_admin_port}",
        control=settings.control_url or f"http://127.0.0.1:{internal_port_of(settings, settings.port)}",
        token_file=str(settings.gateway_token_file),
        state=str(settings.state / "gateway"),
        workers=workers,
        trusted_proxies=settings.trusted_proxies or None,
        tls_cert=_text(settings.tls_cert),
        tls_key=_text(settings.tls_key),
        # Who may call is not who may ship usage: MERCATO_CLIENT_CA is for the internal port of the control plane.
        client_ca=_text(client_ca),
        otlp_url=settings.otlp_url,
        trace_ratio=settings.trace_ratio,
        trace_upstreams=settings.trace_vendors,
        allow_private_upstreams=settings.allow_private_endpoints,
    )
    words = [sys.executable, "-m", "mercato_gateway.main", *to_arguments(read_settings(decided))]
    os.execv(sys.executable, [*words, *(["--with-parent"] if with_parent else [])])  # noqa: S606


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
