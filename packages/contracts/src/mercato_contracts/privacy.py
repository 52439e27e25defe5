"""What people can have done about what is known of them: erasure, legal holds, a copy, and how long rows are kept."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.standing import Reason
from mercato_contracts.wire import Wire

PersonId = Annotated[str, Field(min_length=1, max_length=64, description="The id of a person, or `me`")]


class PersonRequest(Wire):
    """About whom."""

    person: PersonId = "me"


class ErasureView(Wire):
    """An erasure. `person` leads to an empty account once it is done; `counts` says what went."""

    id: str
    person: str
    organisation: str = Field(description="The short name of the person's organisation")
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    state: Literal["running", "done"]
    counts: dict[str, int]


class ErasurePage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[ErasureView]
    next: str | None


class HoldRequest(Wire):
    """A legal hold on a person."""

    reason: Reason


class HoldView(Wire):
    """A legal hold: while it is in force, the person is not erased."""

    id: str
    person: str
    organisation: str
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


class HoldPage(Wire):
    """The newest first, lifted ones too; ask on with `before` set to `next`."""

    items: list[HoldView]
    next: str | None


class PersonExportView(Wire):
    """A copy of what is known of a person. `url` gives the file to whoever has it, until `expires_at`."""

    id: str
    person: str
    state: Literal["making", "ready"]
    asked_at: datetime
    expires_at: datetime
    bytes: int
    sha256: str = Field(description="Of the file; empty while it is being made")
    rows: dict[str, int] = Field(description="How many rows of each table are in it")
    url: str | None = Field(description="Null while it is being made")


class PersonExportList(Wire):
    """The newest first."""

    items: list[PersonExportView]


class KeptRowsView(Wire):
    """How long the rows of one table are kept."""

    table: str
    purpose: str
    basis: str = Field(description="The legal basis, by GDPR Article 6(1)")
    kept: str = Field(description="How long, in words")
    days: int | None = Field(description="Days after `since`; null where rows do not go by their age")
    since: str
    due: int | None = Field(description="How many rows are past their time; null where nobody counted")


class RetentionView(Wire):
    """Every table, by name."""

    items: list[KeptRowsView]
