"""Service accounts: programs of an organisation, which act by keys and sign in nowhere."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mercato_contracts.fields import CreatedAt, NextPage
from mercato_contracts.identity import Name
from mercato_contracts.wire import Wire

Rights = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]],
    Field(max_length=50, description="Permissions, as `GET /api/roles` lists them for keys"),
]


class NewServiceAccountRequest(Wire):
    """A program that acts for the organisation."""

    name: Name = Field(description="Its name, 1 to 120 characters, unique in the organisation")
    purpose: Annotated[str, Field(max_length=500)] = Field(default="", description="What it is for")
    rights: Rights | None = Field(
        default=None, description="What its keys may carry at most; left out: all that a service account may have"
    )


class ServiceAccountRights(Wire):
    """What a service account may do from now on."""

    rights: Rights = Field(description="What its keys may carry at most; an empty list lets them do nothing")


class ServiceAccountView(Wire):
    """A service account."""

    id: str = Field(description="Its id, `sva_…`")
    name: str = Field(description="Its name")
    purpose: str = Field(description="What it is for, in its maker's words")
    rights: list[str] = Field(description="What its keys may carry at most")
    keys: int = Field(description="How many keys it has that were not revoked")
    created_by: str = Field(description="The id of whoever made it")
    created_by_name: str = Field(description="Who made it; empty where they are gone")
    created_at: CreatedAt
    disabled_by: str | None = Field(default=None, description="The id of whoever disabled it; null while it works")
    disabled_at: datetime | None = Field(default=None, description="Since when it has no keys and gets none")


class ServiceAccountPage(Wire):
    """Some service accounts, the oldest first."""

    items: list[ServiceAccountView] = Field(description="The service accounts of this page")
    next: NextPage
