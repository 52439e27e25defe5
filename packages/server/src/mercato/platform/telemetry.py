"""Logs as one JSON object per line, with secrets and people's addresses masked wherever they occur."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from mercato_contracts.masking import mask

_SECRET_FIELDS = re.compile(r"(?i)(password|secret|token|authorization|cookie|api_?key|credential)")


# From the beginning of a run of letters only, so that a run of a million is read once.
_ADDRESS = re.compile(r"(?<![A-Za-z0-9._%+'-])[A-Za-z0-9._%+'-]++@(?:[A-Za-z0-9-]++\.)+[A-Za-z]{2,}")


def _mask_addresses(value: Any) -> Any:
    """Logs name nobody, so an erasure need not search them; errors of libraries may quote addresses."""
    if isinstance(value, str):
        return _ADDRESS.sub("…@…", value) if "@" in value else value
    if isinstance(value, dict):
        return {name: _mask_addresses(item) for name, item in value.items()}
    return [_mask_addresses(item) for item in value] if isinstance(value, list | tuple) else value


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: "…" if _SECRET_FIELDS.search(str(name)) else _mask_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value(item) for item in value]
    return value


def mask_event(_: Any, __: str, event: EventDict) -> EventDict:
    """The structlog step that masks; last before the line is written."""
    masked: EventDict = _mask_addresses(_mask_value(dict(event)))
    return masked


def mask_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The same fields with secrets replaced: texts that look like one, and values whose name says that they are one."""
    masked: dict[str, Any] = _mask_value(fields)
    return masked


def configure_logging(level: str = "INFO") -> None:
    """Write one JSON line per event to stderr, for our own logs and for those of libraries."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_event,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
