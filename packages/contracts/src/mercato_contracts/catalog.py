"""The public catalogue: what anybody may see of every listed service without asking who they are."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict
from pydantic.config import JsonDict

from mercato_contracts.manifest import Protocol, Task
from mercato_contracts.wire import Wire

CatalogStatus = Literal["live", "held", "not_deployed"]
"""`live`: calls reach it; `held`: every deployment is kept out of routing for now; `not_deployed`: it runs nowhere."""


_EXAMPLE: JsonDict = {
    "id": "svc_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "name": "acme/momentum",
    "vendor": "acme",
    "vendor_name": "Acme",
    "vendor_verified": True,
    "title": "Momentum",
    "summary": "Scores the stocks of a data round from their features.",
    "protocol": "signal",
    "task": "signals",
    "version": "1.0.0",
    "licence": "Apache-2.0",
    "tags": ["stocks"],
    "modalities": ["tabular"],
    "plans": ["free"],
    "status": "live",
    "listed_at": "2026-11-02T21:15:00Z",
    "updated_at": "2026-11-02T21:15:00Z",
}


class CatalogModel(Wire):
    """A listed model or service, with the words of its newest release."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    name: str
    vendor: str
    vendor_name: str
    vendor_verified: bool
    title: str
    summary: str
    protocol: Protocol
    task: Task
    version: str
    licence: str
    tags: list[str]
    modalities: list[str]
    plans: list[str]
    status: CatalogStatus
    listed_at: datetime
    updated_at: datetime


class CatalogPage(Wire):
    """Some of the catalogue, the oldest listing first; `next` is the `after` of the next page."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"contract": "catalog/1", "items": [_EXAMPLE], "next": _EXAMPLE["id"]}]}
    )

    contract: Literal["catalog/1"] = "catalog/1"
    items: list[CatalogModel]
    next: str | None
