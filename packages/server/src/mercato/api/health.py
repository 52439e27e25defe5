"""Is the process alive, may it take requests, what did it count."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from mercato.edge.figures import render_figures
from mercato.edge.version import SERVER_VERSION
from mercato.edge.wiring import Parts, running_of
from mercato.platform import Unavailable

router = APIRouter(tags=["health"])
metrics = APIRouter(tags=["health"])
"""Of the internal listener only: figures are nobody else's business."""


def _example(**fields: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": fields}}}}


@router.get("/healthz", summary="Whether the process lives", responses=_example(status="ok"))
async def get_health() -> dict[str, str]:
    """Always `ok`: a process that answers lives."""
    return {"status": "ok"}


@router.get(
    "/readyz", summary="Whether the process takes requests", responses=_example(status="ready", version="0.1.0")
)
async def get_readiness(request: Request) -> dict[str, str]:
    """`ready`, or 503 while the database does not answer or an index is being built."""
    running = running_of(request.app)
    try:
        async with asyncio.timeout(2):
            await running.wiring.gateway_database.ping()
    except TimeoutError:
        raise Unavailable("The database does not answer just now.", retry_after_seconds=2) from None
    for name, ready in running.readiness.items():
        if not ready():
            raise Unavailable(f"{name} is not ready yet.", retry_after_seconds=1)
    return {"status": "ready", "version": SERVER_VERSION}


@metrics.get("/metrics", summary="Prometheus metrics", include_in_schema=False)
async def read_metrics(parts: Parts) -> Response:
    """Prometheus' text format."""
    return Response(render_figures(parts), media_type=CONTENT_TYPE_LATEST)
