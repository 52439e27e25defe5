"""Templates, and the headers of every page."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, cast

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from mercato.console import formatting
from mercato.console.assets import PREFIX, assets

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Cookie, HX-Request-Type",
}


def render(template: str, values: Mapping[str, Any], status: int = 200, *, cache_control: str) -> Response:
    """The page of `template`, with its headers."""
    text = templates().get_template(template).render(values)
    return Response(text, status, {**HEADERS, "cache-control": cache_control}, "text/html")


@cache
def templates() -> Environment:
    """Escaped without exception: what a page shows was often typed by a stranger."""
    made = Environment(
        loader=PackageLoader("mercato.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("usd", "money", "usd_rounded", "money_rounded", "count", "compact", "share", "millis", "size"):
        made.filters[name] = getattr(formatting, name)
    made.filters["when"] = _when
    made.filters["day"] = _day
    made.filters["ago"] = _ago
    made.globals["asset"] = _asset
    made.globals["url"] = _url
    made.globals["has_asset"] = lambda name: name in assets().names
    return made


@pass_context
def _when(context: Context, at: datetime | None) -> str:
    return formatting.when(at, context["shell"].zone)


@pass_context
def _day(context: Context, at: datetime | None) -> str:
    return formatting.day(at, context["shell"].zone)


@pass_context
def _ago(context: Context, at: datetime | None) -> str:
    return formatting.ago(at, context["shell"].now)


@pass_context
def _asset(context: Context, name: str) -> str:
    return f"{context['shell'].prefix}{PREFIX}{assets().names[name]}"


@pass_context
def _url(context: Context, path: str) -> str:
    """A path of ours below wherever the marketplace is mounted."""
    return cast(str, context["shell"].prefix) + path
