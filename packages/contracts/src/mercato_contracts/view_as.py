"""What people send and receive about viewing as somebody else."""

from datetime import datetime

from pydantic import Field

from mercato_contracts.fields import NextPage, OrganisationId
from mercato_contracts.identity import RoleName
from mercato_contracts.standing import Reason
from mercato_contracts.wire import Slug, Wire


class ViewAsRequest(Wire):
    """Whom to view as, and why."""

    person: str = Field(min_length=1, max_length=64, description="The id of the person, `usr_…`")
    organisation: Slug | None = Field(
        default=None,
        description="In which organisation, where the person is in several; null: the one of their account",
    )
    reason: Reason


class CurrentView(Wire):
    """The view that a session is in."""

    id: str = Field(description="The view's id, `vas_…`")
    person: str = Field(description="The id of the person whose pages are seen, `usr_…`")
    name: str = Field(description="Their name")
    organisation: str = Field(description="The short name of the organisation that is seen")
    role: RoleName = Field(description="Their role there")
    reason: str = Field(description="Why, in the operator's words")
    ends_at: datetime = Field(description="When it ends by itself, UTC")


class ViewAsState(Wire):
    """Whether the session is in a view."""

    view: CurrentView | None = Field(description="The view; null where the session is nobody's but the caller's")


class PastView(Wire):
    """Who looked, at what, and why."""

    id: str = Field(description="The view's id, `vas_…`")
    person: str = Field(description="The id of the person whose pages were seen, `usr_…`")
    person_name: str = Field(description="Their name")
    organisation_id: OrganisationId
    viewed_by: str = Field(description="The id of the operator's person who looked, `usr_…`")
    viewed_by_name: str = Field(description="Their name; only the operator's own people see it")
    reason: str = Field(description="Why, in the operator's words")
    began_at: datetime = Field(description="Since when, UTC")
    ends_at: datetime = Field(description="When it ended, or ends, by itself, UTC")
    ended_at: datetime | None = Field(description="When somebody ended it before that, UTC; null: nobody did")


class PastViewPage(Wire):
    """The newest first."""

    items: list[PastView] = Field(description="The views of this page, newest first")
    next: NextPage


class ViewAsSetting(Wire):
    """Whether operators may view as an organisation's people."""

    allowed: bool = Field(description="Whether they may")
