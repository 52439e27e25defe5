"""The request behind a unit of work, as far as news and the audit log record it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """How the caller reached us. A field that does not apply is empty; no field ever holds a secret."""

    request_id: str = ""
    address: str = ""
    """The client's network: IPv4 to 24 bits, IPv6 to 48."""
    authenticated: str = ""
    """`session`, `key` or `deployment_token`."""
    credential: str = ""
    """The id of the session, key or token."""
    actor: str = ""
    organisation_id: str = ""
    """The organisation of the actor."""
    on_behalf_of: str = ""
    """The person whom the actor views as."""
    trace: str = ""
    """The request's W3C trace context, where it is in the sample of a collector."""

    def to_payload(self) -> dict[str, str]:
        """The fields that are set."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any] | None) -> Self | None:
        """Read what was stored; fields that only a newer version knows are ignored."""
        if payload is None:
            return None
        return cls(**{each.name: payload[each.name] for each in fields(cls) if each.name in payload})


@dataclass(frozen=True, slots=True)
class Served:
    """The current request, and the topics of the news that it has written so far."""

    context: RequestContext
    written: set[str] = field(default_factory=set)


_CURRENT: ContextVar[Served | None] = ContextVar("mercato_request", default=None)


def current_request() -> Served | None:
    """The current request; `None` in a worker's own work."""
    return _CURRENT.get()


@contextmanager
def serving(context: RequestContext) -> Iterator[Served]:
    """News written within the block carries `context`."""
    served = Served(context)
    token = _CURRENT.set(served)
    try:
        yield served
    finally:
        _CURRENT.reset(token)
