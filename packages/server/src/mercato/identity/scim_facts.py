"""People and groups as an identity provider describes them, apart from how SCIM writes them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from mercato.identity.models import User
from mercato.identity.scim_models import ScimGroup, ScimPerson

LONGEST_NAME = 120
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What a provider says of a person. Nobody's address shows in a repr."""

    user_name: str = field(repr=False)
    emails: tuple[dict[str, Any], ...] = field(repr=False)
    active: bool = True
    external_id: str | None = None
    display_name: str | None = field(default=None, repr=False)
    formatted_name: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str | None:
        """The mail address that counts: the primary one, else the first; in lower case."""
        primary = next((each for each in self.emails if each.get("primary")), None)
        chosen = primary or next(iter(self.emails), None)
        return None if chosen is None else str(chosen["value"]).lower()

    @property
    def name(self) -> str:
        """What colleagues call the person."""
        both = " ".join(part for part in (self.given_name, self.family_name) if part)
        chosen = self.display_name or self.formatted_name or both or self.user_name
        shown = "".join(each for each in chosen if each.isprintable()).strip()
        return shown[:LONGEST_NAME] or self.user_name[:LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class GroupRef:
    """A group that a person is in."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class KnownScimPerson:
    """A person of the organisation, with the groups that they are in."""

    id: str
    facts: PersonFacts
    created_at: datetime
    changed_at: datetime
    groups: tuple[GroupRef, ...]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What a provider says of a group: its name, and the ids of the people in it."""

    display_name: str
    external_id: str | None
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownScimGroup:
    """A group, and the names of its members by id."""

    id: str
    facts: GroupFacts
    names: dict[str, str]
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page, and how many there are in all."""

    items: list[T]
    total: int


def facts_of_person(user: User, row: ScimPerson | None) -> PersonFacts:
    """What is known of this person; of one whom no provider touched, what the marketplace knows."""
    active = user.disabled_at is None
    if row is None:
        work = {"value": user.email, "type": "work", "primary": True}
        return PersonFacts(user_name=user.email, emails=(work,), active=active, display_name=user.name)
    return PersonFacts(
        user_name=row.user_name,
        emails=tuple(row.emails),
        active=active,
        external_id=row.external_id,
        display_name=row.display_name,
        formatted_name=row.formatted_name,
        given_name=row.given_name,
        family_name=row.family_name,
    )


def write_person(row: ScimPerson, facts: PersonFacts, now: datetime) -> None:
    """Keep what the provider says."""
    row.user_name, row.name_key = facts.user_name, facts.user_name.lower()
    row.emails, row.external_id = [dict(each) for each in facts.emails], facts.external_id
    row.display_name, row.formatted_name = facts.display_name, facts.formatted_name
    row.given_name, row.family_name = facts.given_name, facts.family_name
    row.changed_at = now


def known_group(row: ScimGroup, members: dict[str, str]) -> KnownScimGroup:
    """The group with its members' names by id."""
    facts = GroupFacts(row.display_name, row.external_id, tuple(members))
    return KnownScimGroup(row.id, facts, members, row.created_at, row.changed_at)
