"""Settings, read once: flags first, then `MERCATO_GATEWAY_*`, then defaults."""

import argparse
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast, get_args

from mercato_contracts.client_address import read_networks

Fsync = Literal["never", "second", "always"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a worker. Sizes are in bytes, times in seconds.

    `fsync` decides what a power failure can lose: `never` what the kernel has not written (about 30 s), `second` the
    last second, `always` nothing. A crash of the process loses nothing in any of them.
    """

    listen: str = "127.0.0.1:8080"
    admin: str = "127.0.0.1:9180"
    control: str = "http://127.0.0.1:8000"
    token_file: str = ""
    state: str = "gateway-state"
    workers: int = 1
    spool_bytes: int = 1 << 30
    fsync: Fsync = "second"
    allow_private_upstreams: bool = False
    upstream_ca_file: str = ""
    otlp_url: str = ""
    trace_ratio: float = 0.01
    trace_upstreams: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    control_ca: str = ""
    control_cert: str = ""
    control_key: str = ""
    max_body_bytes: int = 32 << 20
    max_header_bytes: int = 64 << 10
    max_connections: int = 10_000
    unknown_keys_per_minute: int = 300
    trusted_proxies: str = ""
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 75.0
    connect_timeout: float = 3.0
    drain_timeout: float = 30.0

    def token(self) -> str:
        """The bearer token of the gateway at the control plane, from its file."""
        return Path(self.token_file).read_text(encoding="ascii").strip() if self.token_file else ""


_HELP = {
    "listen": "address and port for calls",
    "admin": "address and port for /metrics, /healthz and /readyz; worker N listens on port + N; empty for none",
    "control": "base URL of the control plane, or of its replicas with commas between",
    "token_file": "file with the bearer token for the control plane",
    "state": "folder for spools and the gateway's ids",
    "workers": "processes, one per core",
    "spool_bytes": "most bytes of unshipped usage per worker; then new calls are refused",
    "fsync": "never, second or always: what a power failure can lose",
    "allow_private_upstreams": "allow deployments on private and loopback addresses",
    "unknown_keys_per_minute": "unknown keys a client address may try; 0 for no limit (behind proxies)",
    "trusted_proxies": "networks of proxies whose `X-Forwarded-For` or `Forwarded` counts for keys held to addresses",
    "tls_cert": "PEM file of the certificate and its chain: calls come by TLS 1.3",
    "tls_key": "PEM file of its key; both are read again within a minute of a change",
    "client_ca": "PEM file of authorities: a client must show a certificate of one of them",
    "control_ca": "PEM file of authorities to trust for the control plane, instead of the system's",
    "control_cert": "PEM file of the certificate to show to the control plane",
    "control_key": "PEM file of its key",
    "otlp_url": "collector of traces (OTLP over HTTP): http[s]://host:4318; empty for none",
    "trace_ratio": "share of calls that are traced, 0 to 1; calls that fail are traced in any case",
    "trace_upstreams": "tell upstreams the trace id of traced calls",
    "upstream_ca_file": "PEM file of authorities to trust for upstreams, in addition to the system's",
    "max_body_bytes": "largest request body",
    "max_header_bytes": "largest request head",
    "max_connections": "client connections per worker; where all are taken, an address that holds fewer than another "
    "gets a place of that one",
    "header_timeout": "seconds for a request's head",
    "body_timeout": "seconds for a body, and one more for each 10,000 bytes",
    "idle_timeout": "seconds a connection may rest",
    "connect_timeout": "seconds to reach a deployment",
    "drain_timeout": "seconds for calls in flight after SIGTERM",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each setting."""
    for field in fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=_HELP[field.name])
        else:
            choices = get_args(Fsync) if field.name == "fsync" else None
            kind = cast(type, field.type) if field.type in (int, float) else str
            parser.add_argument(flag, type=kind, default=None, choices=choices, help=_HELP[field.name])


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Flags where given, else the environment, else the defaults."""
    values: dict[str, object] = {}
    for field in fields(Settings):
        given = getattr(arguments, field.name, None)
        text = os.environ.get(f"MERCATO_GATEWAY_{field.name.upper()}")
        if given is not None:
            values[field.name] = given
        elif text is not None:
            values[field.name] = _from_text(text, field.type)
    settings = Settings(**values)  # type: ignore[arg-type]
    try:
        read_networks(settings.trusted_proxies)
    except ValueError as error:
        raise ValueError(f"--trusted-proxies: {error}; write networks such as 10.0.0.0/8,::1") from None
    return settings


def _from_text(text: str, kind: object) -> object:
    if kind is bool:
        return text.lower() in ("1", "true", "yes")
    return kind(text) if kind in (int, float) else text


def to_arguments(settings: Settings) -> list[str]:
    """The flags for these settings; none of them is secret."""
    words = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        flag = field.name.replace("_", "-")
        words.append(f"--{'' if value else 'no-'}{flag}" if field.type is bool else f"--{flag}={value}")
    return words


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, with IPv6 in brackets."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)
