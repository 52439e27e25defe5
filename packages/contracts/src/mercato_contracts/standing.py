"""What operators decide about organisations, what administrators decide about people, and what each role may do."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mercato_contracts.fields import CreatedAt, NextPage, OrganisationId, RevokedAt
from mercato_contracts.identity import HeldService, OrganisationView, RoleName
from mercato_contracts.wire import Wire

Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why; it is in the audit log")]


class StandingRequest(Wire):
    """A decision about an organisation."""

    reason: Reason


class OrganisationPage(Wire):
    """The oldest first."""

    items: list[OrganisationView] = Field(description="The organisations of this page, oldest first")
    next: NextPage


class RoleChange(Wire):
    """Another role for a person."""

    role: RoleName = Field(description="The role that the person gets")


class DisableRequest(Wire):
    """Keep a person from signing in."""

    keep_keys: bool = Field(default=False, description="Whether keys that the person made stay in force")


class RoleRights(Wire):
    """What a role may do in its own organisation, and what more in the operator's."""

    role: RoleName = Field(description="The role")
    permissions: list[str] = Field(description="What it may do in its own organisation")
    operator_permissions: list[str] = Field(description="What more it may do in the operator's organisation")


class KeyRights(Wire):
    """What a kind of key may carry at most."""

    kind: str = Field(description="The kind of key")
    scopes: list[str] = Field(description="All that it may carry")


class RightsView(Wire):
    """The matrix of rights, made from the code that enforces it. Whatever is not listed is refused."""

    roles: list[RoleRights] = Field(description="The rights of each role")
    keys: list[KeyRights] = Field(description="The rights of each kind of key")
    permissions: list[str] = Field(description="Every permission that there is")


class KeyOfAnyone(Wire):
    """A key of some organisation, as operators see it."""

    id: str = Field(description="The key's id, `key_…`")
    kind: str = Field(description="The kind of key")
    name: str = Field(description="The name that its maker gave it")
    organisation_id: OrganisationId
    organisation: str = Field(description="The short name of the organisation")
    created_by: str = Field(description="The id of who made it")
    created_by_name: str = Field(description="The name of who made it")
    created_at: CreatedAt
    expires_at: datetime | None = Field(description="When it expires, UTC; null: never")
    revoked_at: RevokedAt
    scopes: list[str] = Field(description="What it may do")
    services: list[HeldService] = Field(description="The only services that it calls; empty: all")
    addresses: list[str] = Field(description="The only networks that it is taken from; empty: any")
    last_used_at: datetime | None = Field(description="The quarter hour of its last call in the last 31 days")
    month_calls: int = Field(description="Calls of this calendar month, UTC")
    month_nanos: dict[str, int] = Field(description="What its calls of this month cost, by currency")


class KeyOfAnyonePage(Wire):
    """The oldest first."""

    items: list[KeyOfAnyone] = Field(description="The keys of this page, oldest first")
    next: NextPage
