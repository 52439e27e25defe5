"""Who is asking."""

from dataclasses import dataclass

from mercato.identity.permissions import Permission, Role
from mercato.identity.refusals import NotAllowed


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

    @property
    def lasting_actor(self) -> str:
        """Who acts, under a name that a rotated key and a renewed token keep."""
        return self.deployment_id or self.lineage_id or self.actor

    def require(self, permission: Permission) -> None:
        """Raises `NotAllowed` unless the caller may do this."""
        if permission not in self.permissions:
            raise NotAllowed(f"This needs the permission {permission}.", permission=permission, role=self.role)

    def may(self, permission: Permission) -> bool:
        """Whether the caller may do this."""
        return permission in self.permissions
