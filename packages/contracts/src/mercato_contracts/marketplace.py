"""What a marketplace says of itself to anybody."""

from typing import Annotated

from pydantic import ConfigDict, Field

from mercato_contracts.wire import Wire


class MarketplaceView(Wire):
    """Where the gateway is: at `gateway_url`, or without one at `gateway_port` of the host of the control API."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"gateway_url": "https://gateway.market.example", "gateway_port": 8080}]}
    )

    gateway_url: str | None = Field(description="The gateway's base URL; null: on the host of the control API")
    gateway_port: Annotated[int, Field(ge=1, le=65_535)] = Field(description="The gateway's port on that host")
