"""The documentation site under `/docs`, where an operator has built one (`make site`)."""

import base64
import hashlib
import os
import re
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def add_site(router: APIRouter, folder: Path) -> None:
    """Serve the site's files below `/docs`. Routes that `router` already has there come first."""
    pages = _Pages(folder)

    @router.get("/docs")
    async def show_front_page() -> Response:
        # Relative, because a redirect must not repeat the host that the client sent.
        return RedirectResponse("docs/index.html")

    @router.api_route("/docs/{path:path}", methods=["GET", "HEAD"])
    async def show_page(path: str, request: Request) -> Response:
        return await pages.get_response(path or "index.html", request.scope)


class _Pages(StaticFiles):
    """The files of a site, with a policy that lets only its own scripts run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        # The theme puts the same inline script on each page.
        digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(_read(folder / "index.html"))]
        hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
        self._policy = _POLICY.format(hashes=hashes)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file with the policy."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["content-security-policy"] = self._policy
        return response


def _read(page: Path) -> bytes:
    return page.read_bytes() if page.exists() else b""
