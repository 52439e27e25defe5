"""The news of discovery."""

from dataclasses import dataclass
from typing import Literal

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class DocumentChanged(News):
    """A listing's row was written or withdrawn; every index must read it again."""

    topic = "discovery.document_changed"

    service_id: str
    """The service that the listing is of."""


@dataclass(frozen=True, kw_only=True)
class RebuildAsked(News):
    """An operator wants every process to write its whole search index again from the rows."""

    topic = "discovery.rebuild_asked"

    name: str = "listings"
    """Which index."""


@dataclass(frozen=True, kw_only=True)
class SavedSearchChanged(News):
    """An organisation keeps a search, or forgets it."""

    topic = "saved_search.changed"

    saved_search_id: str
    """The saved search."""
    organisation_id: str
    """The organisation that keeps it."""
    change: Literal["saved", "forgotten"]
    """What happened to it."""


@dataclass(frozen=True, kw_only=True)
class SavedSearchFitted(News):
    """A listing newly fits a search that an organisation keeps; reported once for each service."""

    topic = "saved_search.fitted"

    saved_search_id: str
    """The saved search."""
    organisation_id: str
    """The organisation that keeps it."""
    search: str
    """What it calls the search."""
    service_id: str
    """The service that fits."""
    service: str
    """The same as `vendor/name`."""
    version: str
    """The version that fits."""


@dataclass(frozen=True, kw_only=True)
class IndexFed(News):
    """The index that all processes share now has what happened to listings up to a place of the outbox."""

    topic = "discovery.index_fed"

    transaction: int
    """The place: the transaction of the news, as the outbox orders it."""
    number: int
    """The place: its number within that transaction."""
    anew: bool = False
    """Whether the whole index was written again."""


@dataclass(frozen=True, kw_only=True)
class ReviewChanged(News):
    """A review was written, changed or removed by its organisation, answered by the vendor, or hidden or shown by an
    operator."""

    topic = "review.changed"

    review_id: str
    """The review's id."""
    service_id: str
    """The service that it is of."""
    organisation_id: str
    """The organisation that wrote it."""
    change: Literal["written", "changed", "removed", "answered", "hidden", "shown"]
    """What happened to it."""
    reason: str = ""
    """Why an operator hid or showed it."""
