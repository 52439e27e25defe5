"""The public catalogue: what anybody may see of every listed service without asking who they are."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from mercato_contracts.fields import CONTRACT, NextPage, VendorSlug
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

    id: str = Field(description="The service's id, `svc_…`")
    name: str = Field(description="The name that calls use, `vendor/name`")
    vendor: VendorSlug
    vendor_name: str = Field(description="The vendor's full name")
    vendor_verified: bool = Field(description="Whether the operator vouches for the vendor")
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What the service does, in one sentence")
    protocol: Protocol = Field(description="The protocol that it speaks")
    task: Task = Field(description="What it is for")
    version: str = Field(description="The newest release, a SemVer version")
    licence: str = Field(description="An SPDX expression, or `proprietary`")
    tags: list[str] = Field(description="Words to find it by")
    modalities: list[str] = Field(description="What it reads and writes, such as `text` or `tabular`")
    plans: list[str] = Field(description="The names of the open plans")
    status: CatalogStatus = Field(description="Whether calls reach it now")
    listed_at: datetime = Field(description="When it was first listed, UTC")
    updated_at: datetime = Field(description="When its listing last changed, UTC")


class CatalogPage(Wire):
    """Some of the catalogue, the oldest listing first; `next` is the `after` of the next page."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"contract": "catalog/1", "items": [_EXAMPLE], "next": _EXAMPLE["id"]}]}
    )

    contract: Annotated[Literal["catalog/1"], CONTRACT] = "catalog/1"
    items: list[CatalogModel] = Field(description="The listings of this page, oldest first")
    next: NextPage
