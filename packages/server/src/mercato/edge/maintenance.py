"""While the marketplace is under maintenance, requests that may change something are refused, pages and API alike."""

from fastapi import Request

from mercato.edge.wiring import Wiring
from mercato.identity import Caller

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ALLOWED = (
    "/api/sessions",
    "/api/oauth/",
    "/api/heartbeats",
    "/api/introspect",
    "/device",
    "/sign-in",
    "/sign-out",
    "/prove",
    "/zone",
)
"""Signing in and out, and a machine's signs of life, go on."""


def refuse_in_maintenance(request: Request, wiring: Wiring, caller: Caller | None) -> None:
    """Raises `UnderMaintenance` for a change by anybody but an operator."""
    if request.method not in _READING and not request.scope["path"].startswith(_ALLOWED):
        wiring.notices.admit_change(caller)
