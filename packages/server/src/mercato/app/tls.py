"""TLS of the control plane's listeners."""

import asyncio
from dataclasses import dataclass

import click
import structlog
from prometheus_client import Gauge

from mercato.app.settings import Settings
from mercato_contracts.server_tls import ServerTls, TlsFilesWrong, server_tls

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 10.0
_EXPIRES = Gauge(
    "mercato_certificate_expires_timestamp_seconds", "When the certificate of a listener expires", ["role"]
)


@dataclass(frozen=True, slots=True)
class Tls:
    """What each listener speaks; plain HTTP where it is `None`."""

    public: ServerTls | None = None
    internal: ServerTls | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Tls":
        """As the settings say. Raises `ClickException`, which names the setting that is wrong."""
        try:
            inner = server_tls(settings.tls_cert, settings.tls_key, settings.client_ca)
            public = server_tls(settings.tls_cert, settings.tls_key, None)
        except TlsFilesWrong as error:
            raise click.ClickException(str(error)) from None
        return cls(public, inner if settings.client_ca is not None else None)

    async def renew(self) -> None:
        """Serve renewed certificates, until it is cancelled."""
        roles = {"public": self.public, "internal": self.internal}
        while any(roles.values()):
            for role, each in roles.items():
                if each is not None:
                    _renew(role, each)
            await asyncio.sleep(_LOOK_SECONDS)


def _renew(role: str, tls: ServerTls) -> None:
    try:
        if tls.refresh():
            log.info("a renewed certificate is served", listener=role, expires_at=tls.expires_at.isoformat())
    except TlsFilesWrong as error:
        log.error("a renewed certificate cannot be used and the old one stays", listener=role, reason=str(error))
    _EXPIRES.labels(role).set(tls.expires_at.timestamp())
