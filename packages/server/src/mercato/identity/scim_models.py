"""What an organisation's identity provider keeps here by SCIM 2.0: its tokens, settings, people and groups."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ScimToken(Base):
    """What an organisation's identity provider shows. Its secret has 256 random bits, so its SHA-256 is kept."""

    __tablename__ = "scim_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    secret_digest: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """When it was last shown, to within five minutes."""


class ScimSettings(Base):
    """What the groups that a provider keeps here mean. An organisation without a row has the defaults."""

    __tablename__ = "scim_settings"
    __table_args__ = (CheckConstraint("default_role in ('admin', 'approver', 'viewer')", name="default_role"),)

    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    role_of_group: Mapped[dict[str, Any]]
    """By the group's name; where it is empty, roles are given here and the provider does not change them."""
    default_role: Mapped[str]
    """Of new people, and of those with none of the groups."""
    changed_at: Mapped[datetime]


class ScimPerson(Base):
    """What the provider says of a person. Who has no row was never touched by it.

    The row outlives the person's removal by the provider, so that the same account comes back with them.
    """

    __tablename__ = "scim_people"
    __table_args__ = (
        Index("ix_scim_people_organisation_id_external_id", "organisation_id", "external_id"),
        Index(
            "uq_scim_people_name_key", "organisation_id", "name_key", unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )  # fmt: skip

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    user_name: Mapped[str]
    name_key: Mapped[str]
    """The user name in lower case, by which it is unique."""
    external_id: Mapped[str | None]
    display_name: Mapped[str | None]
    formatted_name: Mapped[str | None]
    given_name: Mapped[str | None]
    family_name: Mapped[str | None]
    emails: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Each with `value`, and `type` and `primary` where they were given."""
    is_led: Mapped[bool]
    """Whether the provider made this person: its groups then give the role."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    """When the provider disabled the person; it lifts no other disabling."""
    removed_at: Mapped[datetime | None]


class ScimGroup(Base):
    """A group of the provider's."""

    __tablename__ = "scim_groups"
    __table_args__ = (Index("uq_scim_groups_name_key", "organisation_id", "name_key", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    display_name: Mapped[str]
    name_key: Mapped[str]
    """The name in lower case, by which it is unique."""
    external_id: Mapped[str | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class ScimMember(Base):
    """A person in a group."""

    __tablename__ = "scim_members"

    group_id: Mapped[str] = mapped_column(ForeignKey("scim_groups.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class FormerName(Base):
    """What somebody was called until a provider of identities said otherwise."""

    __tablename__ = "former_names"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    email: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
