"""What identity receives and answers under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST
from mercato_contracts.wire import Slug, Wire

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", max_length=254)]
Password = Annotated[SecretStr, Field(min_length=PASSWORD_SHORTEST, max_length=PASSWORD_LONGEST)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
RoleName = Literal["super_admin", "admin", "approver", "viewer", "service_account"]
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # a grant type of RFC 8628


class SignUpRequest(Wire):
    """A new organisation and its first administrator."""

    organisation: Slug
    name: Name
    email: Email
    password: Password


class DeviceAuthorizationAnswer(Wire):
    """The codes of a device's login; its fields are those of RFC 8628, section 3.2."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int = Field(description="Seconds")
    interval: int = Field(description="Seconds between two questions of the device")


class DeviceTokenAnswer(Wire):
    """The tokens of a device that a person approved (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  (a kind, no secret)
    expires_in: int = Field(description="Seconds")
    refresh_token: str


class OrganisationView(Wire):
    """An organisation."""

    id: str
    slug: str
    name: str
    is_operator: bool
    is_verified: bool
    created_at: datetime
    suspended_at: datetime | None = Field(default=None, description="Since when it is suspended")
    suspended_reason: str = Field(default="", description="Why it is suspended")


class UserView(Wire):
    """A person."""

    id: str
    email: str
    name: str
    role: RoleName
    created_at: datetime
    disabled_at: datetime | None = Field(default=None, description="Since when the person cannot sign in")


class SignUpAnswer(Wire):
    """What was made."""

    organisation: OrganisationView
    user: UserView


class VerificationRequest(Wire):
    """Whether the operator vouches for the organisation: its releases may then go live by rule."""

    verified: bool
    reason: Annotated[str, Field(max_length=500, description="Why; it is in the audit log")] = ""


class NewUserRequest(Wire):
    """A colleague."""

    email: Email
    name: Name
    password: Password
    role: RoleName


class SignInRequest(Wire):
    """Who signs in."""

    email: Email
    password: SecretStr
    code: Annotated[SecretStr, Field(max_length=40)] | None = Field(
        default=None, description="For people with a second factor: six digits of the app, or a recovery code"
    )
    device_token: Annotated[SecretStr, Field(max_length=200)] | None = Field(
        default=None,
        description="What the last sign-in on this device gave: failed attempts of others then do not delay this one",
    )


class RefreshRequest(Wire):
    """The refresh token of the last pair; each is good once."""

    refresh_token: Annotated[SecretStr, Field(max_length=300)]


class SessionView(Wire):
    """A pair of tokens: `access_token` for calls, `refresh_token` for the next pair."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime
    device_token: str | None = Field(
        default=None, description="At sign-in only: keep it, and send it with the next sign-in on this device"
    )


class MeView(Wire):
    """Who is asking and what they may do."""

    organisation: str
    organisation_id: str
    actor: str
    role: RoleName
    permissions: list[str]
    is_operator: bool


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

    kind: Literal["ck", "vk"]
    name: Name
    scopes: list[str] | None = None
    expires_at: datetime | None = None


class RotateKeyRequest(Wire):
    """How long the old key lives on, in seconds; never past its own expiry."""

    grace_seconds: Annotated[int, Field(ge=0, le=604_800)] = 3600


class HeldService(Wire):
    """A service that a key is held to."""

    id: str = Field(description="The service's id, `svc_…`")
    name: str = Field(description="`vendor/name`")


class KeyView(Wire):
    """A key without its secret."""

    id: str
    kind: Literal["ck", "vk"]
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_to: str | None
    created_by: str = Field(default="", description="The id of whoever made it")
    created_by_name: str = Field(default="", description="Who made it; empty where they are gone")
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

    key: str


class KeyPage(Wire):
    """Some keys; `next` is the `after` of the next page."""

    items: list[KeyView]
    next: str | None


class UserList(Wire):
    """The people of an organisation, the oldest first."""

    items: list[UserView]
    next: str | None = None


class IntrospectionView(Wire):
    """What RFC 7662 says of a token; of one that is not in force only that `active` is false."""

    active: bool
    scope: str | None = Field(default=None, description="What the key may do, separated by spaces")
    client_id: str | None = Field(default=None, description="The key's id")
    sub: str | None = Field(default=None, description="The organisation whose key it is")
    aud: str | None = Field(default=None, description="The deployment whose token it is; a key has none")
    token_type: Literal["Bearer"] | None = None
    iat: int | None = Field(default=None, description="When it was made, in seconds since 1970")
    exp: int | None = Field(default=None, description="When it ends, in seconds since 1970; missing where it does not")
