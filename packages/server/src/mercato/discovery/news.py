"""What discovery tells."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class DocumentChanged(News):
    """A listing's row was written or withdrawn; every index must read it again."""

    topic = "discovery.document_changed"

    service_id: str
    """The service that the listing is of."""
