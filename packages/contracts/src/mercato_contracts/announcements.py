"""The operator's announcements, and maintenance."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.wire import Wire

AnnouncementKind = Literal["notice", "maintenance"]
"""While `maintenance` is in force, changes are refused to everybody but operators; calls of services go on."""


class AnnouncementRequest(Wire):
    """An announcement. It is in force from `starts_at` (now when left out) until `ends_at`, or until it is ended."""

    kind: AnnouncementKind = Field(
        default="notice", description="`notice` informs; `maintenance` also refuses changes while it is in force"
    )
    text: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="What everybody reads: 1 to 500 characters"
    )
    starts_at: datetime | None = Field(
        default=None, description="When it comes into force, with its offset; now when left out"
    )
    ends_at: datetime | None = Field(default=None, description="When it ends, with its offset; open when left out")


class AnnouncementView(Wire):
    """An announcement, in force or not."""

    id: str = Field(description="The announcement's id, `ann_…`")
    kind: AnnouncementKind = Field(
        description="`notice` informs; `maintenance` also refuses changes while it is in force"
    )
    text: str = Field(description="What everybody reads")
    starts_at: datetime = Field(description="When it comes into force, UTC")
    ends_at: datetime | None = Field(description="When it ends, UTC; null while its end is open")
    in_force: bool = Field(description="Whether it is in force now")


class AnnouncementList(Wire):
    """The newest first."""

    items: list[AnnouncementView] = Field(description="The announcements, newest first")
