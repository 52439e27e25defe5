"""What people send and receive about single sign-on."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mercato_contracts.identity import SessionView
from mercato_contracts.wire import Slug, Wire

MappedRole = Literal["admin", "approver", "viewer"]
Issuer = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=500)]
Domain = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$", max_length=190)]
GroupName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Given = Annotated[SecretStr, Field(max_length=200)]


class ProviderRequest(Wire):
    """The identity provider of an organisation (OpenID Connect) and what its groups mean."""

    issuer: Issuer = Field(description="The issuer, exactly as the provider writes it")
    client_id: str = Field(description="What the provider calls this marketplace", min_length=1, max_length=500)
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=2000)] | None = Field(
        default=None, description="The client's secret; left out, the one that is kept stays"
    )
    groups_claim: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        default="groups", description="The claim that names a person's groups"
    )
    roles: dict[GroupName, MappedRole] = Field(
        default_factory=dict,
        description="Roles by group; the highest counts, at each sign-in. Empty: roles are given in the marketplace",
        max_length=200,
    )
    default_role: MappedRole | None = Field(
        default=None, description="The role of people with none of these groups; left out, they may not sign in"
    )
    domains: list[Domain] = Field(
        default_factory=list,
        description="Mail domains whose people may join without an invitation; other addresses are then not linked",
        max_length=50,
    )


class ProviderView(Wire):
    """The identity provider of an organisation. Its client secret is not shown."""

    issuer: str = Field(description="The issuer")
    client_id: str = Field(description="What the provider calls this marketplace")
    redirect_uri: str = Field(description="Where the provider sends people back to; register it there")
    groups_claim: str = Field(description="The claim that names a person's groups")
    roles: dict[str, MappedRole] = Field(description="Roles by group")
    default_role: MappedRole | None = Field(description="The role of people with none of these groups")
    domains: list[str] = Field(description="Mail domains whose people may join without an invitation")
    passwords: bool = Field(description="Whether people may sign in with a password too")
    worked_at: datetime | None = Field(description="When somebody last signed in through it as it is configured")
    changed_at: datetime = Field(description="When it was last changed")


class ProviderOfAnyone(Wire):
    """An organisation's identity provider as operators see it."""

    organisation: str = Field(description="The organisation's short name")
    issuer: str = Field(description="The issuer")
    accounts: int = Field(description="How many people are linked to an account there")
    maps_groups: bool = Field(description="Whether the provider's groups give people their roles")
    default_role: MappedRole | None = Field(description="The role of people with none of these groups")
    domains: list[str] = Field(description="Mail domains whose people may join without an invitation")
    passwords: bool = Field(description="Whether people may sign in with a password too")
    worked_at: datetime | None = Field(description="When somebody last signed in through it as it is configured")
    changed_at: datetime = Field(description="When it was last changed")


class ProviderOfAnyonePage(Wire):
    """By the organisations' short names; `next` is the `after` of the next page."""

    items: list[ProviderOfAnyone] = Field(description="The providers")
    next: str | None = Field(description="The `after` of the next page; `null` at the end")


class PasswordsRequest(Wire):
    """Whether passwords count beside the provider."""

    allowed: bool = Field(description="Whether people may sign in with a password too")


class SsoAccountView(Wire):
    """A person and the account at the provider that they are bound to."""

    user_id: str = Field(description="The person's id, `usr_…`")
    email: str = Field(description="The person's address here")
    name: str = Field(description="The person's name")
    issuer: str = Field(description="The provider")
    subject: str = Field(description="The provider's own name for the person")
    created_at: datetime = Field(description="When the two were bound")
    signed_in_at: datetime | None = Field(description="When the person last signed in through it")


class SsoAccountPage(Wire):
    """Some accounts, by person; `next` is the `after` of the next page."""

    items: list[SsoAccountView] = Field(description="The accounts")
    next: str | None = Field(description="The `after` of the next page; `null` at the end")


class SsoSignInRequest(Wire):
    """The organisation whose identity provider is asked."""

    organisation: Slug = Field(description="The organisation's name")


class SsoBegun(Wire):
    """Where the person signs in, and what proves afterwards who began."""

    authorization_url: str = Field(description="The provider's page; open it in a browser")
    binding: str = Field(description="Keep it: the answer counts only together with it")
    expires_at: datetime = Field(description="When the sign-in is given up")


class SsoAnswerRequest(Wire):
    """What the provider sent back in the address of the page `/sso/callback`, and the binding."""

    state: Given = Field(description="`state` of the address")
    code: Annotated[SecretStr, Field(max_length=4000)] | None = Field(
        default=None, description="`code` of the address; absent where the provider signed nobody in"
    )
    iss: str | None = Field(default=None, description="`iss` of the address, where there is one", max_length=500)
    error: str | None = Field(default=None, description="`error` of the address, where there is one", max_length=200)
    binding: Given = Field(description="What came with the provider's address")


class SsoFinished(Wire):
    """What the sign-in was for, and the session where one began."""

    purpose: Literal["sign_in", "link", "proof"] = Field(
        description="`sign_in`: a session began; `link`: the account is bound; `proof`: the proof is renewed"
    )
    session: SessionView | None = Field(default=None, description="The new session, of a sign-in")
