"""How this process's search index stands, for operators of the machine."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from mercato.edge.wiring import Parts, running_of

router = APIRouter(tags=["discovery"])
"""Of the internal listener only: comparing reads every row, and ids of services are nobody else's business."""


@router.get("/search-index", summary="The index beside its rows", include_in_schema=False)
async def check_search_index(request: Request, parts: Parts) -> dict[str, Any]:
    """What the index lacks, holds without reason or holds otherwise than its rows, by service id."""
    keeper = running_of(request.app).index_keeper
    assert keeper is not None, "the role of discovery holds it"
    return {"state": keeper.state, **asdict(await keeper.compare(parts.clock.now()))}
