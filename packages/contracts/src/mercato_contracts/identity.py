"""What identity receives and answers under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mercato_contracts.fields import CreatedAt, NextPage, OrganisationId, RevokedAt
from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST
from mercato_contracts.wire import Slug, Wire

Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", max_length=254),
    Field(description="The e-mail address, at most 254 characters"),
]
Password = Annotated[
    SecretStr,
    Field(
        min_length=PASSWORD_SHORTEST,
        max_length=PASSWORD_LONGEST,
        description=f"The password, {PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters; never logged",
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
RoleName = Literal["super_admin", "admin", "approver", "viewer", "service_account"]
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # a grant type of RFC 8628


class SignUpRequest(Wire):
    """A new organisation and its first administrator."""

    organisation: Slug = Field(description="The short name: lower-case letters, digits and inner hyphens, at most 63")
    name: Name = Field(description="The organisation's full name, 1 to 120 characters")
    email: Email
    password: Password


class DeviceAuthorizationAnswer(Wire):
    """The codes of a device's login; its fields are those of RFC 8628, section 3.2."""

    device_code: str = Field(description="The device's own code, which it exchanges for tokens; secret")
    user_code: str = Field(description="The code that the person types")
    verification_uri: str = Field(description="The page on which the person types it")
    verification_uri_complete: str = Field(description="The same page with the code filled in")
    expires_in: int = Field(description="Seconds")
    interval: int = Field(description="Seconds between two questions of the device")


class DeviceTokenAnswer(Wire):
    """The tokens of a device that a person approved (RFC 6749, section 5.1)."""

    access_token: str = Field(description="The token for requests, sent as `Authorization: Bearer …`")
    token_type: Literal["Bearer"] = Field(default="Bearer", description="How it is sent")
    expires_in: int = Field(description="Seconds")
    refresh_token: str = Field(description="The token for the next pair; good once")


class OrganisationView(Wire):
    """An organisation."""

    id: OrganisationId
    slug: str = Field(description="The short name, as in `vendor/name`")
    name: str = Field(description="The full name")
    is_operator: bool = Field(description="Whether it operates the marketplace")
    is_verified: bool = Field(description="Whether the operator vouches for it")
    created_at: CreatedAt
    suspended_at: datetime | None = Field(default=None, description="Since when it is suspended")
    suspended_reason: str = Field(default="", description="Why it is suspended")


class UserView(Wire):
    """A person."""

    id: str = Field(description="The person's id, `usr_…`")
    email: str = Field(description="The e-mail address that the person signs in with")
    name: str = Field(description="The person's name")
    role: RoleName = Field(description="The person's role in the organisation")
    created_at: CreatedAt
    disabled_at: datetime | None = Field(default=None, description="Since when the person cannot sign in")


class SignUpAnswer(Wire):
    """What was made."""

    organisation: OrganisationView = Field(description="The new organisation")
    user: UserView = Field(description="Its first administrator")


class VerificationRequest(Wire):
    """Whether the operator vouches for the organisation: its releases may then go live by rule."""

    verified: bool = Field(description="Whether the operator vouches for it")
    reason: Annotated[str, Field(max_length=500, description="Why; it is in the audit log")] = ""


class NewUserRequest(Wire):
    """A colleague."""

    email: Email
    name: Name = Field(description="The person's name, 1 to 120 characters")
    password: Password
    role: RoleName = Field(description="The person's role in the organisation")


class SignInRequest(Wire):
    """Who signs in."""

    email: Email
    password: SecretStr = Field(description="The person's password; never logged")
    code: Annotated[SecretStr, Field(max_length=40)] | None = Field(
        default=None, description="For people with a second factor: six digits of the app, or a recovery code"
    )
    device_token: Annotated[SecretStr, Field(max_length=200)] | None = Field(
        default=None,
        description="What the last sign-in on this device gave: failed attempts of others then do not delay this one",
    )


class RefreshRequest(Wire):
    """The refresh token of the last pair; each is good once."""

    refresh_token: Annotated[SecretStr, Field(max_length=300)] = Field(description="The refresh token of the last pair")


class SessionView(Wire):
    """A pair of tokens: `access_token` for calls, `refresh_token` for the next pair."""

    access_token: str = Field(description="The token for requests, sent as `Authorization: Bearer …`")
    access_expires_at: datetime = Field(description="When the access token expires, UTC")
    refresh_token: str = Field(description="The token for the next pair; good once")
    refresh_expires_at: datetime = Field(description="When the refresh token expires, UTC")
    device_token: str | None = Field(
        default=None, description="At sign-in only: keep it, and send it with the next sign-in on this device"
    )


class MeView(Wire):
    """Who is asking and what they may do."""

    organisation: str = Field(description="The short name of the caller's organisation")
    organisation_id: OrganisationId
    actor: str = Field(description="The id of the person or key")
    name: str = Field(description="The name of the person or key")
    role: RoleName = Field(description="The caller's role")
    permissions: list[str] = Field(description="What the caller may do")
    is_operator: bool = Field(description="Whether the organisation operates the marketplace")


ServicePath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}/[a-z0-9-]{1,63}$")]
Network = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$")]


class KeyHoldRequest(Wire):
    """What a key is held to. Where a list is empty, it is held to none."""

    services: list[ServicePath] = Field(
        default_factory=list, description="The only services that it calls, each `vendor/name`", max_length=50
    )
    addresses: list[Network] = Field(
        default_factory=list,
        description="The only addresses or networks (CIDR) that it is taken from, such as `203.0.113.0/24`",
        max_length=50,
    )


class NewKeyRequest(KeyHoldRequest):
    """A key: `ck` to call and subscribe, `vk` to publish. `scopes` left out: all its kind may carry."""

    kind: Literal["ck", "vk"] = Field(description="`ck` to call and subscribe, `vk` to publish")
    name: Name = Field(description="What it is for, 1 to 120 characters")
    scopes: list[str] | None = Field(
        default=None, description="What it may do; all that its kind may carry when left out"
    )
    expires_at: datetime | None = Field(
        default=None, description="When it expires, with its offset; never when left out"
    )
    service_account_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The service account that it belongs to, `sva_…`; left out: whoever makes it"
    )


class RotateKeyRequest(Wire):
    """How long the old key lives on, in seconds; never past its own expiry."""

    grace_seconds: Annotated[int, Field(ge=0, le=604_800)] = Field(
        default=3600, description="Seconds that the old key lives on, at most a week"
    )


class HeldService(Wire):
    """A service that a key is held to."""

    id: str = Field(description="The service's id, `svc_…`")
    name: str = Field(description="`vendor/name`")


class KeyView(Wire):
    """A key without its secret."""

    id: str = Field(description="The key's id, `key_…`")
    kind: Literal["ck", "vk"] = Field(description="`ck` to call and subscribe, `vk` to publish")
    name: str = Field(description="The name that its maker gave it")
    scopes: list[str] = Field(description="What it may do")
    created_at: CreatedAt
    expires_at: datetime | None = Field(description="When it expires, UTC; null: never")
    revoked_at: RevokedAt
    rotated_to: str | None = Field(description="The id of the key that replaces it; null: none")
    created_by: str = Field(default="", description="The id of whoever made it")
    created_by_name: str = Field(default="", description="Who made it; empty where they are gone")
    service_account_id: str | None = Field(
        default=None, description="The service account that it belongs to, `sva_…`; null: whoever made it"
    )
    service_account_name: str = Field(default="", description="The name of that service account")
    last_used_at: datetime | None = Field(
        default=None, description="The quarter hour of its last call in the last 31 days"
    )
    services: list[HeldService] = Field(
        default_factory=list, description="The only services that it calls; empty: all that are subscribed to"
    )
    addresses: list[str] = Field(
        default_factory=list, description="The only networks that it is taken from; empty: any"
    )


class NewKeyAnswer(KeyView):
    """A key with its text, shown this once."""

    key: str = Field(description="The key's whole text; shown this once")


class KeyPage(Wire):
    """Some keys; `next` is the `after` of the next page."""

    items: list[KeyView] = Field(description="The keys of this page")
    next: NextPage


class UserList(Wire):
    """The people of an organisation, the oldest first."""

    items: list[UserView] = Field(description="The people of this page, oldest first")
    next: NextPage = None


class IntrospectionView(Wire):
    """What RFC 7662 says of a token; of one that is not in force only that `active` is false."""

    active: bool = Field(description="Whether the token is in force")
    scope: str | None = Field(default=None, description="What the key may do, separated by spaces")
    client_id: str | None = Field(default=None, description="The key's id")
    sub: str | None = Field(default=None, description="The organisation whose key it is")
    aud: str | None = Field(default=None, description="The deployment whose token it is; a key has none")
    token_type: Literal["Bearer"] | None = Field(default=None, description="How the token is sent")
    iat: int | None = Field(default=None, description="When it was made, in seconds since 1970")
    exp: int | None = Field(default=None, description="When it ends, in seconds since 1970; missing where it does not")
