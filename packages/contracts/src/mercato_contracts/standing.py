"""What operators decide about organisations, what administrators decide about people, and what each role may do."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mercato_contracts.identity import HeldService, OrganisationView, RoleName
from mercato_contracts.wire import Wire

Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why; it is in the audit log")]


class StandingRequest(Wire):
    """A decision about an organisation."""

    reason: Reason


class OrganisationPage(Wire):
    """The oldest first."""

    items: list[OrganisationView]
    next: str | None


class RoleChange(Wire):
    """Another role for a person."""

    role: RoleName


class DisableRequest(Wire):
    """A person who shall not sign in any more."""

    keep_keys: bool = Field(default=False, description="Whether keys that the person made stay in force")


class RoleRights(Wire):
    """What a role may do in its own organisation, and what more in the operator's."""

    role: RoleName
    permissions: list[str]
    operator_permissions: list[str]


class KeyRights(Wire):
    """What a kind of key may carry at most."""

    kind: str
    scopes: list[str]


class RightsView(Wire):
    """The matrix of rights, made from the code that enforces it. What is not listed is refused."""

    roles: list[RoleRights]
    keys: list[KeyRights]
    permissions: list[str] = Field(description="Every permission that there is")


class KeyOfAnyone(Wire):
    """A key of some organisation, as operators see it."""

    id: str
    kind: str
    name: str
    organisation_id: str
    organisation: str
    created_by: str
    created_by_name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    scopes: list[str]
    services: list[HeldService] = Field(description="The only services that it calls; empty: all")
    addresses: list[str] = Field(description="The only networks that it is taken from; empty: any")
    last_used_at: datetime | None = Field(description="The quarter hour of its last call in the last 31 days")
    month_calls: int
    month_nanos: dict[str, int] = Field(description="What its calls of this month cost, by currency")


class KeyOfAnyonePage(Wire):
    """The oldest first."""

    items: list[KeyOfAnyone]
    next: str | None
