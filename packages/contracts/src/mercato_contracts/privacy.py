"""Privacy of people: erasure, legal holds, a copy of what is stored about them, and retention."""

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
    """An erasure. Once it is done, `person` is an empty account; `counts` says how many rows changed."""

    id: str = Field(description="The erasure's id, `ers_…`")
    person: str = Field(description="The person's id, `usr_…`")
    organisation: str = Field(description="The short name of the person's organisation")
    asked_by: str = Field(description="The id of who asked for it")
    asked_at: datetime = Field(description="When it was asked for, UTC")
    ended_at: datetime | None = Field(description="When it was done, UTC; null while it runs")
    state: Literal["running", "done"] = Field(description="Whether it is done")
    counts: dict[str, int] = Field(description="How many rows were changed or deleted, by table")


class ErasurePage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[ErasureView] = Field(description="The erasures of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class HoldRequest(Wire):
    """A legal hold on a person."""

    reason: Reason


class HoldView(Wire):
    """A legal hold: while it is in force, the person is not erased."""

    id: str = Field(description="The legal hold's id, `lgh_…`")
    person: str = Field(description="The person's id, `usr_…`")
    organisation: str = Field(description="The short name of the person's organisation")
    reason: str = Field(description="Why the person is not erased")
    placed_by: str = Field(description="The id of who placed it")
    placed_at: datetime = Field(description="When it was placed, UTC")
    lifted_by: str | None = Field(description="The id of who lifted it; null while in force")
    lifted_at: datetime | None = Field(description="When it was lifted, UTC; null while in force")


class HoldPage(Wire):
    """The newest first, lifted ones too; ask on with `before` set to `next`."""

    items: list[HoldView] = Field(description="The legal holds of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class PersonExportView(Wire):
    """A copy of what is known of a person. `url` gives the file to whoever has it, until `expires_at`."""

    id: str = Field(description="The copy's id, `pex_…`")
    person: str = Field(description="The person's id, `usr_…`")
    state: Literal["making", "ready"] = Field(description="Whether the file is ready")
    asked_at: datetime = Field(description="When it was asked for, UTC")
    expires_at: datetime = Field(description="When the file is deleted, UTC")
    bytes: int = Field(description="The file's size in bytes; 0 while it is being made")
    sha256: str = Field(description="Of the file; empty while it is being made")
    rows: dict[str, int] = Field(description="How many rows of each table are in it")
    url: str | None = Field(description="Null while it is being made")


class PersonExportList(Wire):
    """The newest first."""

    items: list[PersonExportView] = Field(description="The copies, newest first")


class KeptRowsView(Wire):
    """How long the rows of one table are kept."""

    table: str = Field(description="The table's name")
    purpose: str = Field(description="What its rows are for")
    basis: str = Field(description="The legal basis, by GDPR Article 6(1)")
    kept: str = Field(description="How long, in words")
    days: int | None = Field(description="Days after `since`; null where rows do not go by their age")
    since: str = Field(description="The column whose age counts; empty where rows do not go by their age")
    due: int | None = Field(description="How many rows are past their time; null where nobody counted")


class RetentionView(Wire):
    """Every table, by name."""

    items: list[KeptRowsView] = Field(description="Every table, by name")
