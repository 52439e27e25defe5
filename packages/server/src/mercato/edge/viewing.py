"""Whoever views as somebody else reads only: whatever a route does, no request that may change something gets to it."""

from starlette.requests import HTTPConnection

from mercato.identity import Caller, ViewAsReadsOnly

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ENDING = frozenset({
    ("DELETE", "/api/view-as"), ("POST", "/view-as/end"), ("DELETE", "/api/sessions/current"), ("POST", "/sign-out"),
    ("POST", "/zone"), ("POST", "/api/sessions/refresh"),
})  # fmt: skip
"""Ends the view or the session, renews its token, or sets how this browser shows times."""


def refuse_while_viewing(connection: HTTPConnection, caller: Caller | None) -> None:
    """Raises `ViewAsReadsOnly` for a change, and for a connection that would go on after the view."""
    if caller is None or caller.viewing is None:
        return
    method = str(connection.scope.get("method", ""))
    if method not in _READING and (method, connection.scope["path"]) not in _ENDING:
        raise ViewAsReadsOnly(f"You are viewing as {caller.viewing.name} and may only read.")
