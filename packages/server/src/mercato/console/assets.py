"""Styles, scripts and images of the console, served under names that change with their content."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from mercato.platform import NotFound

PREFIX = "/assets/"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_FOREVER = "public, max-age=31536000, immutable"
_SMALLEST_COMPRESSED = 256

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    kind: str
    content: bytes
    compressed: bytes | None


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of `static/` and of what is vendored there."""

    by_name: Mapping[str, Asset]
    names: Mapping[str, str]
    """For the name of a file the name that it is served under."""


@cache
def assets() -> Assets:
    """Read once a process."""
    by_name: dict[str, Asset] = {}
    names: dict[str, str] = {}
    for name, content in _contents().items():
        stem, dot, ending = name.rpartition(".")
        if f"{dot}{ending}" not in _KINDS:
            continue
        names[name] = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        small = gzip.compress(content, mtime=0) if len(content) >= _SMALLEST_COMPRESSED else None
        by_name[names[name]] = Asset(_KINDS[f".{ending}"], content, small)
    return Assets(by_name, names)


def _contents() -> dict[str, bytes]:
    """Ours and those of others by name. Styles of charts go into the one file of styles: a request less a page."""
    static = files("mercato.console").joinpath("static")
    found = {
        file.name: file.read_bytes()
        for folder in (static, static.joinpath("vendor"))
        for file in sorted(folder.iterdir(), key=lambda each: each.name)
        if file.is_file()
    }
    found["console.css"] += found.pop("charts.css")
    return found


@router.get(PREFIX + "{name}")
async def get_asset(name: str, request: Request) -> Response:
    """A file under its hashed name, which a browser keeps for good."""
    found = assets().by_name.get(name)
    if found is None:
        raise NotFound("There is no such file.")
    headers = {"cache-control": _FOREVER, "vary": "Accept-Encoding", "x-content-type-options": "nosniff"}
    if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.compressed, 200, headers | {"content-encoding": "gzip"}, found.kind)
    return Response(found.content, 200, headers, found.kind)
