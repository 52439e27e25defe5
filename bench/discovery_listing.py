"""A listing of given words, for judged sets."""

from datetime import UTC, datetime, timedelta

from mercato.discovery import ListingDocument

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def listing(name: str, title: str = "", summary: str = "", description: str = "", number: int = 0) -> ListingDocument:
    """A listing of these words."""
    return ListingDocument(
        service_id=name,
        name=name,
        title=title,
        summary=summary,
        vendor="bench",
        protocol="openapi",
        task="other",
        licence="MIT",
        version="1.0.0",
        released_at=FIRST_DAY + timedelta(minutes=number),
        description=description,
    )
