"""What the operator tells everybody, and maintenance."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.wire import Wire

AnnouncementKind = Literal["notice", "maintenance"]
"""While `maintenance` is in force, changes are refused to everybody but operators; calls of services go on."""


class AnnouncementRequest(Wire):
    """An announcement. It is in force from `starts_at` (now when left out) until `ends_at`, or until it is ended."""

    kind: AnnouncementKind = "notice"
    text: Annotated[str, Field(min_length=1, max_length=500)]
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class AnnouncementView(Wire):
    """An announcement, in force or not."""

    id: str
    kind: AnnouncementKind
    text: str
    starts_at: datetime
    ends_at: datetime | None
    in_force: bool


class AnnouncementList(Wire):
    """The newest first."""

    items: list[AnnouncementView]
