"""SCIM's own words for people and groups (RFC 7643): the attributes that are kept, and no others."""

from typing import Annotated, Any

from pydantic import EmailStr, Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    GroupMembership,
    Meta,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Returned,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from mercato.identity import GroupFacts, KnownScimGroup, KnownScimPerson, PersonFacts

LONGEST_PAGE = 200
_TEXT = Field(default=None, max_length=300)


class Name(ComplexAttribute):
    """The parts of a person's name."""

    formatted: str | None = _TEXT
    family_name: str | None = _TEXT
    given_name: str | None = _TEXT


class Email(ComplexAttribute):
    """A mail address."""

    value: Annotated[EmailStr | None, Required.true] = None
    type: str | None = _TEXT
    primary: bool | None = None


class User(Resource[Any]):
    """A person."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = Field(
        default=None, min_length=1, max_length=254
    )
    name: Name | None = None
    display_name: str | None = _TEXT
    active: Annotated[bool | None, Required.true] = None
    emails: Annotated[list[Email] | None, Required.true] = Field(default=None, max_length=10)
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None


class GroupMember(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        default=None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[str | None, Mutability.read_only, Returned.request] = None


class Group(Resource[Any]):
    """A group of people."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = Field(default=None, min_length=1, max_length=200)
    members: Annotated[list[GroupMember] | None, Returned.default] = Field(default=None, max_length=50_000)


CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=LONGEST_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    pagination=Pagination(
        cursor=False,
        index=True,
        default_pagination_method="index",
        default_page_size=LONGEST_PAGE,
        max_page_size=LONGEST_PAGE,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type="oauthbearertoken",
            name="Bearer token",
            description="A token that an administrator of the organisation makes with `mp scim tokens create`.",
            primary=True,
        )
    ],
)

PROVIDER = ScimProvider(
    models=[User, Group],
    config=CONFIG,
    # Providers send what they have; what is not kept here is left out, as RFC 7644 (section 3.3) allows.
    policy=ScimPolicy(unknown=ScimPolicy.Unknown.ignore),
)


def resource_types(base: str) -> list[ResourceType]:
    """With their addresses."""
    return [_described(each, f"{base}/ResourceTypes/{each.name}", "ResourceType") for each in PROVIDER.resource_types]


def schemas(base: str) -> list[Any]:
    """With their addresses."""
    return [_described(each, f"{base}/Schemas/{each.id}", "Schema") for each in PROVIDER.schemas]


def config(base: str) -> ServiceProviderConfig:
    """With its address."""
    described: ServiceProviderConfig = _described(CONFIG, f"{base}/ServiceProviderConfig", "ServiceProviderConfig")
    return described


def _described(resource: Any, location: str, kind: str) -> Any:
    described = resource.model_copy(deep=True)
    described.meta = Meta(resource_type=kind, location=location)
    return described


def user_of(known: KnownScimPerson, base: str) -> User:
    """The person as SCIM writes them."""
    facts = known.facts
    parts = (facts.formatted_name, facts.family_name, facts.given_name)
    name = Name(formatted=parts[0], family_name=parts[1], given_name=parts[2]) if any(parts) else None
    return User(
        id=known.id,
        external_id=facts.external_id,
        user_name=facts.user_name,
        name=name,
        display_name=facts.display_name,
        active=facts.active,
        emails=[Email.model_construct(**{"type": None, "primary": None, **each}) for each in facts.emails] or None,
        groups=[
            GroupMembership(value=group.id, display=group.name, type="direct", ref=f"{base}/Groups/{group.id}")
            for group in known.groups
        ]
        or None,
        meta=Meta(
            resource_type="User",
            location=f"{base}/Users/{known.id}",
            created=known.created_at,
            last_modified=known.changed_at,
        ),
    )


def group_of(known: KnownScimGroup, base: str) -> Group:
    """The group as SCIM writes it."""
    return Group(
        id=known.id,
        external_id=known.facts.external_id,
        display_name=known.facts.display_name,
        members=[
            GroupMember(value=member, display=known.names.get(member), ref=f"{base}/Users/{member}")
            for member in known.facts.members
        ]
        or None,
        meta=Meta(
            resource_type="Group",
            location=f"{base}/Groups/{known.id}",
            created=known.created_at,
            last_modified=known.changed_at,
        ),
    )


def facts_of_user(user: User) -> PersonFacts:
    """What the provider says of the person."""
    name = user.name or Name()
    return PersonFacts(
        user_name=user.user_name or "",
        emails=tuple(_email(each) for each in user.emails or () if each.value),
        active=user.active is not False,
        external_id=user.external_id,
        display_name=user.display_name,
        formatted_name=name.formatted,
        given_name=name.given_name,
        family_name=name.family_name,
    )


def _email(email: Email) -> dict[str, Any]:
    given = {"value": str(email.value), "type": email.type, "primary": email.primary}
    return {name: value for name, value in given.items() if value is not None}


def facts_of_group(group: Group) -> GroupFacts:
    """What the provider says of the group. A member is known by `value`, or by the end of `$ref`."""
    members = [each.value or str(each.ref or "").rpartition("/")[2] for each in group.members or ()]
    return GroupFacts(group.display_name or "", group.external_id, tuple(dict.fromkeys(members)))


def completed(body: dict[str, Any], *, active: bool) -> dict[str, Any]:
    """With what many providers leave out: `emails`, where the user name is a mail address, and `active`."""
    names = {name.lower(): name for name in body}
    user_name = body.get(names.get("username", ""), "")
    if not body.get(names.get("emails", "")) and isinstance(user_name, str) and "@" in user_name:
        body = {name: value for name, value in body.items() if name.lower() != "emails"}
        body["emails"] = [{"value": user_name, "type": "work", "primary": True}]
    return body if body.get(names.get("active", "")) is not None else {**body, "active": active}
