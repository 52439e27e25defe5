"""Requests that a page of another site sends: a person's browser would add what proves who they are."""

from starlette.requests import HTTPConnection

from mercato.platform import Refusal

_OURS = ("same-origin", "none")


class ForeignSite(Refusal):
    """A page of another site sent this request."""

    code = "foreign_site"
    status = 403
    title = "Requests from other sites are refused"
    fix = "Send the request from this site, from a program, or from a site that the operator allows."


def refuse_foreign_sites(request: HTTPConnection, allowed: tuple[str, ...]) -> None:
    """Raises `ForeignSite`. A program sends none of the headers that are looked at; browsers always do, and no page can
    change them."""
    origin = request.headers.get("origin")
    if origin in allowed:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in _OURS:
        raise ForeignSite("A page of another site sent this request.")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        raise ForeignSite("A page of another site sent this request.")
