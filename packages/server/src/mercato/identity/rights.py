"""The matrix of rights as it is enforced."""

from mercato.identity.permissions import KEY_SCOPES, OPERATOR_ONLY, PERMISSIONS, Permission, Role


def rights_of(role: Role) -> tuple[list[str], list[str]]:
    """What the role may do in its own organisation, and what more in the operator's."""
    return sorted(PERMISSIONS[role] - OPERATOR_ONLY), sorted(PERMISSIONS[role] & OPERATOR_ONLY)


def key_rights() -> dict[str, list[str]]:
    """By kind of key, what it may carry at most."""
    return {kind: sorted(scopes) for kind, scopes in KEY_SCOPES.items()}


def every_permission() -> list[str]:
    """All of them."""
    return sorted(Permission)
