"""Who is asking."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mercato.identity.permissions import Permission, Role
from mercato.identity.refusals import NotAllowed, StepUpNeeded

RECENT = timedelta(minutes=10)
"""How old a proof of who is asking may be before what is dangerous."""


@dataclass(frozen=True, slots=True)
class ViewOf:
    """Whose pages a caller of the operator is shown, and until when."""

    id: str
    user_id: str
    name: str
    organisation: str
    reason: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a key, its organisation and what it may do. Made by `Authentication`, handed to every service."""

    organisation_id: str
    organisation_slug: str
    actor: str
    """The user's id, or the key's."""
    role: Role
    permissions: frozenset[Permission]
    is_operator: bool
    session_id: str | None = None
    """The login session of a person; a key has none."""
    deployment_id: str | None = None
    """The deployment that shows a token of its own; it may speak for no other."""
    lineage_id: str | None = None
    """Of a key: the first key of its chain of rotations."""

    addresses: tuple[str, ...] = ()
    """The only networks that the key is taken from; empty: any."""
    proved_at: datetime | None = None
    """When the person of this session last proved who they are."""
    person_name: str = field(default="", repr=False)
    """Of the person of this session; what else shows a credential has its name looked up by `Actors`."""
    viewing: ViewOf | None = None
    """An operator who views as somebody else: organisation, role and rights are that person's, the actor is not."""

    @property
    def lasting_actor(self) -> str:
        """Who acts, under a name that a rotated key and a renewed token keep."""
        return self.deployment_id or self.lineage_id or self.actor

    def require(self, permission: Permission) -> None:
        """Raises `NotAllowed` unless the caller may do this."""
        if permission not in self.permissions:
            raise NotAllowed(f"This needs the permission {permission}.", permission=permission, role=self.role)

    def proved_lately(self, now: datetime) -> bool:
        """Whether the person proved who they are in the last ten minutes."""
        return self.proved_at is not None and now - self.proved_at <= RECENT

    def require_recent_proof(self, now: datetime) -> None:
        """Raises `StepUpNeeded` unless the person proved who they are in the last ten minutes."""
        if not self.proved_lately(now):
            raise StepUpNeeded("This needs a proof of who you are from the last ten minutes.")

    def require_step_up(self, now: datetime) -> None:
        """The same for what only people may do: no key carries a scope for it, so sessions alone are held to it."""
        if self.session_id is not None:
            self.require_recent_proof(now)

    def may(self, permission: Permission) -> bool:
        """Whether the caller may do this."""
        return permission in self.permissions
