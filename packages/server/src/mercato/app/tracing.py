"""What writes the spans of one process of the control plane: nothing of it is imported where no collector is set."""

from dataclasses import replace
from importlib.metadata import version

import structlog

from mercato.app.settings import Settings
from mercato.edge.wiring import Wiring

log = structlog.get_logger(__name__)


def with_tracer(wiring: Wiring, settings: Settings, service: str) -> Wiring:
    """The same parts, with spans of `service` to the collector of `MERCATO_OTLP_URL`."""
    if settings.otlp_url is None:
        return wiring
    from mercato_contracts.otlp import OtlpWriter
    from mercato_contracts.tracing import Tracer

    writer = OtlpWriter(settings.otlp_url, service, version("mercato-server"), _tell)
    return replace(wiring, tracer=Tracer(writer, settings.trace_ratio), close_tracer=writer.close)


def _tell(event: str, reason: str) -> None:
    log.warning(event.replace("_", " "), reason=reason)
