"""The pages of the API's documentation, with scripts of our own and a policy that lets no others run."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from mercato.edge.site import add_site

STATIC = "/static-offline-docs"
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def reference_pages(site: Path | None = None) -> APIRouter:
    """`/docs` of an application: the API reference, or the built `site` with the reference at `/docs/api`."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/docs" if site is None else "/docs/api", show_swagger)
    if site is not None:
        add_site(router, site)
    return router


async def show_swagger(request: Request) -> Response:
    """The API reference of the application that is asked."""
    app: FastAPI = request.app
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "/openapi.json",
        title=app.title,
        swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{STATIC}/favicon.png",
        swagger_ui_parameters=app.swagger_ui_parameters,
    )
    return _with_policy(page)


def _with_policy(page: Response) -> Response:
    """The one script on the page is named by its digest: what somebody else brought in would not run."""
    digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(bytes(page.body))]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    page.headers["content-security-policy"] = _POLICY.format(hashes=hashes)
    return page
