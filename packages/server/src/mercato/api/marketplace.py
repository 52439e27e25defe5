"""What the marketplace says of itself to anybody."""

from fastapi import APIRouter, Request, Response

from mercato.edge.wiring import Parts
from mercato_contracts.marketplace import MarketplaceView

router = APIRouter(prefix="/api", tags=["discovery"])


@router.get("/marketplace", summary="Where the gateway is")
async def read_marketplace(request: Request, response: Response, parts: Parts) -> MarketplaceView:
    """For anybody, without a credential; `mp login` keeps it in the profile."""
    host = request.client.host if request.client else "unknown"
    response.headers.update(parts.throttle.take(host, parts.clock.now()))
    return MarketplaceView(gateway_url=parts.gateway_url, gateway_port=parts.gateway_port)
