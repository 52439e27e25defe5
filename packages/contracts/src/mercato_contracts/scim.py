"""What administrators send and receive about provisioning by SCIM. The protocol itself is RFC 7643 and RFC 7644."""

from datetime import datetime

from pydantic import Field

from mercato_contracts.identity import Name
from mercato_contracts.sso import GroupName, MappedRole
from mercato_contracts.wire import Wire


class ScimSettingsRequest(Wire):
    """What the groups of the identity provider mean."""

    roles: dict[GroupName, MappedRole] = Field(
        default_factory=dict,
        description="Roles by group; the highest counts. Empty: roles are given in the marketplace",
        max_length=200,
    )
    default_role: MappedRole = Field(
        default="viewer", description="The role of new people, and of those with none of these groups"
    )


class ScimSettingsView(Wire):
    """Where the provider sends people and groups, and what its groups mean."""

    base_url: str = Field(description="The address to enter at the provider")
    roles: dict[str, MappedRole] = Field(description="Roles by group")
    default_role: MappedRole = Field(description="The role of new people, and of those with none of these groups")


class NewScimTokenRequest(Wire):
    """A token for the identity provider."""

    name: Name = Field(description="What you call it")
    expires_at: datetime | None = Field(default=None, description="When it ends; left out, when it is revoked")


class ScimTokenView(Wire):
    """A token without its text."""

    id: str = Field(description="The token's id, `key_…`")
    name: str = Field(description="What its maker calls it")
    created_by: str = Field(description="The id of the person who made it")
    created_at: datetime = Field(description="When it was made")
    expires_at: datetime | None = Field(description="When it ends")
    revoked_at: datetime | None = Field(description="When it was revoked")
    used_at: datetime | None = Field(description="When it was last shown, to within five minutes")


class NewScimTokenAnswer(ScimTokenView):
    """A token with its text, shown this once."""

    token: str = Field(description="The text to enter at the provider")


class ScimTokenPage(Wire):
    """Some tokens; `next` is the `after` of the next page."""

    items: list[ScimTokenView] = Field(description="The tokens")
    next: str | None = Field(description="The `after` of the next page; `null` at the end")
