"""What people send and receive about being in several organisations."""

from datetime import datetime

from pydantic import Field

from mercato_contracts.identity import RoleName
from mercato_contracts.people import LinkToken
from mercato_contracts.wire import Slug, Wire


class OrganisationChoice(Wire):
    """Which organisation the session acts in."""

    organisation: Slug = Field(description="Its short name")


class MembershipAcceptance(Wire):
    """The token of an invitation's link."""

    token: LinkToken = Field(description="The last part of the link")


class PlaceView(Wire):
    """An organisation that a person is in."""

    id: str = Field(description="The organisation's id, `org_…`")
    slug: str = Field(description="Its short name")
    name: str = Field(description="Its name")
    role: RoleName = Field(description="The person's role in it")
    own: bool = Field(description="Whether it is the organisation of the person's account")
    current: bool = Field(description="Whether this session acts in it")
    suspended: bool = Field(description="Whether the operator suspended it")


class PlaceList(Wire):
    """The organisations that a person is in, the one of their account first."""

    items: list[PlaceView] = Field(description="The organisations")


class MemberView(Wire):
    """A person of another organisation who is in this one."""

    user_id: str = Field(description="The person's id, `usr_…`")
    email: str = Field(description="Their address")
    name: str = Field(description="Their name")
    role: RoleName = Field(description="Their role here")
    created_at: datetime = Field(description="When they joined")
    disabled_at: datetime | None = Field(description="Since when they cannot sign in at all")


class MemberPage(Wire):
    """Some members, by person; `next` is the `after` of the next page."""

    items: list[MemberView] = Field(description="The members")
    next: str | None = Field(description="The `after` of the next page; `null` at the end")
