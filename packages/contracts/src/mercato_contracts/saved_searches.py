"""Searches that an organisation keeps, and what each has reported."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from mercato_contracts.discovery import ListingFilters
from mercato_contracts.fields import ServiceId
from mercato_contracts.wire import Count, Slug, Wire


class SavedSearchRequest(Wire):
    """A search to keep. Saved again under the same name, it replaces the one before."""

    name: Slug = Field(description="What it is called, unique within the organisation")
    search: ListingFilters = Field(description="Words and filters, as `GET /api/search` takes them")
    mail: bool = Field(default=False, description="Whether you also hear by mail, at most once a day; people only")


class SavedSearchView(Wire):
    """A search that the organisation keeps."""

    id: str = Field(description="The saved search's id")
    name: str = Field(description="What it is called")
    search: dict[str, Any] = Field(description="Words and filters, as they were sent")
    fits: Count = Field(description="How many services it has reported since it was saved")
    created_by: Annotated[str, StringConstraints(max_length=200)] = Field(description="Who saved it first")
    created_at: datetime = Field(description="When it was saved first, UTC")
    mail_to: str | None = Field(default=None, description="The id of the person who also hears by mail; null: nobody")


class SavedSearchList(Wire):
    """All saved searches of an organisation, by name."""

    items: list[SavedSearchView] = Field(description="By name")


class SavedSearchFitView(Wire):
    """A service that newly fitted a saved search, reported once."""

    id: str = Field(description="The fit's id")
    service_id: ServiceId
    service: str = Field(description="`vendor/name`; empty where it is there no longer")
    version: str = Field(description="The version that fitted first")
    found_at: datetime = Field(description="When it was found, UTC")


class SavedSearchFitPage(Wire):
    """The reports of a saved search, the newest first."""

    items: list[SavedSearchFitView] = Field(description="The newest first")
    next: str | None = Field(default=None, description="`before` of the page after; null on the last")
