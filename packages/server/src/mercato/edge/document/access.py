"""Who may ask: the kinds of credentials, which of them an operation takes, and a sentence that says so."""

from typing import Any

from mercato.edge.document.routes import RouteFacts
from mercato.identity import KEY_SCOPES, OPERATOR_ONLY, PERMISSIONS, Permission, Role

SCHEMES: dict[str, dict[str, Any]] = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A person's access token. `POST /api/sessions` gives one for an address and a password; it lasts 15 "
            "minutes, and `POST /api/sessions/refresh` gives the next. It may do what the person's role may do."
        ),
    },
    "vendor_key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "vk_…",
        "description": "A vendor key, for publishing and running services. Make one with `POST /api/keys`.",
    },
    "consumer_key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "ck_…",
        "description": "A consumer key, for calls through the gateway; here it reads and subscribes.",
    },
    "deployment_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sit_…",
        "description": (
            "A token of one running deployment, for heartbeats and signals. `POST /api/oauth/token` exchanges a vendor "
            "key for it."
        ),
    },
}

_KEYS = {"vendor_key": "vk", "consumer_key": "ck", "deployment_token": "sit"}
_NAMES = {"vendor_key": "vendor keys", "consumer_key": "consumer keys", "deployment_token": "deployment tokens"}
_PEOPLE = tuple(role for role in Role if role is not Role.SERVICE_ACCOUNT)

SESSION_ONLY = frozenset({"sign_out"})
"""Operations on the session itself: a key has none."""


def needs_credential(facts: RouteFacts) -> bool:
    """Whether somebody without a credential is refused."""
    return "not_signed_in" in facts.refusals and not facts.open_to_all


def requirement(operation: str, facts: RouteFacts) -> list[dict[str, list[str]]]:
    """The `security` of an operation: alternatives, none for a public one."""
    if not needs_credential(facts) and not facts.open_to_all:
        return []
    anybody: list[dict[str, list[str]]] = [{}] if facts.open_to_all else []
    return anybody + [{name: []} for name in ("session", *_keys(operation, facts))]


def sentence(operation: str, facts: RouteFacts) -> str:
    """The same for a reader, with the permissions and the roles that have them."""
    if facts.open_to_all:
        return "**Access:** public; with a credential, private services that are open to you show too."
    if not needs_credential(facts):
        return "**Access:** public; no credential is needed."
    if operation in SESSION_ONLY:
        return "**Access:** a person's session."
    kinds = [_NAMES[name] for name in _keys(operation, facts)]
    keys = f", or {' and '.join(kinds)} with that scope" if kinds else ""
    if not facts.permissions:
        return "**Access:** any credential in force."
    return f"**Access:** {', and '.join(map(_permission, facts.permissions))}{keys}."


def _permission(alternatives: tuple[str, ...]) -> str:
    return ", or ".join(f"the permission `{name}` ({_roles(Permission(name))})" for name in _own_first(alternatives))


def _own_first(names: tuple[str, ...]) -> list[str]:
    return sorted(names, key=lambda name: name in OPERATOR_ONLY)


def _roles(permission: Permission) -> str:
    roles = ", ".join(role.value for role in _PEOPLE if permission in PERMISSIONS[role])
    return f"roles {roles} of the operator's organisation" if permission in OPERATOR_ONLY else f"roles {roles}"


def _keys(operation: str, facts: RouteFacts) -> list[str]:
    if operation in SESSION_ONLY:
        return []
    return [
        name
        for name, kind in _KEYS.items()
        if all(any(each in KEY_SCOPES[kind] for each in alternatives) for alternatives in facts.permissions)
    ]
