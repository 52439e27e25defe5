"""Templates and the headers of every page."""

from functools import cache
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from mercato.platform import Malformed


@cache
def _templates() -> Environment:
    # Escaped without exception: what a page shows was often typed by a stranger.
    return Environment(
        loader=PackageLoader("mercato.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, status_code: int = 200, *, forms: bool, cache_control: str, **values: Any) -> Response:
    """The page of `template`. Its policy lets no script run, and no form be sent unless the page has `forms`."""
    target = "'self'" if forms else "'none'"
    headers = {
        "cache-control": cache_control,
        "content-security-policy": f"default-src 'none'; style-src 'unsafe-inline'; form-action {target}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    text = _templates().get_template(template).render(values)
    return Response(text, status_code, media_type="text/html", headers=headers)


def refuse_other_sites(request: Request) -> None:
    """Browsers say where a form came from; no other site has a reason to send ours. Raises `Malformed`."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Malformed("This form was sent from another site.")
