"""Whether a form was sent by a page of ours: browsers say so, and no other site can make them lie.

Source: https://words.filippo.io/csrf, which describes the check by `Sec-Fetch-Site` and, for older browsers, `Origin`.
"""

from urllib.parse import urlsplit

from fastapi import Request

from mercato.platform import Refusal

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class FormOfAnotherSite(Refusal):
    """A form of the console that another site sent, or that does not say where it comes from."""

    code = "form_of_another_site"
    status = 403
    title = "This form was sent from another site"
    fix = "Open the page at the marketplace's own address and send the form there."


def refuse_other_sites(request: Request, public_url: str) -> None:
    """Raises `FormOfAnotherSite`. A safe method, and a client that is no browser and shows no cookie, may pass.

    `Origin` is held against the public address: behind a proxy, `Host` may be another one.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif "origin" in request.headers:
        ours = request.headers["origin"] == _origin(public_url)
    else:
        ours = "cookie" not in request.headers
    if not ours:
        raise FormOfAnotherSite("This form was sent from another site.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
