"""Five roles, what each may do, and the scopes that narrow a key. Deny by default: what is not listed is refused."""

from enum import StrEnum


class Role(StrEnum):
    """What a person or a machine is in its organisation."""

    SUPER_ADMIN = "super_admin"
    ADMIN = "admin"
    APPROVER = "approver"
    VIEWER = "viewer"
    SERVICE_ACCOUNT = "service_account"


ADMINISTRATORS = frozenset({Role.SUPER_ADMIN, Role.ADMIN})
"""Roles that run their organisation and decide who else does."""


class Permission(StrEnum):
    """One thing that can be allowed; `noun:verb`."""

    ORGANISATION_READ = "organisation:read"
    USERS_WRITE = "users:write"
    PEOPLE_PROVISION = "people:provision"
    KEYS_WRITE = "keys:write"
    SERVICES_READ = "services:read"
    SERVICES_PUBLISH = "services:publish"
    CREDENTIALS_WRITE = "credentials:write"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    USAGE_READ = "usage:read"
    DATA_READ = "data:read"
    BILLING_READ = "billing:read"
    BILLING_CREDIT = "billing:credit"
    CALLS_DISPUTE = "calls:dispute"
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"
    PRIVACY_WRITE = "privacy:write"
    CALL = "call"
    TRAINING_WRITE = "training:write"
    DEPLOYMENTS_WRITE = "deployments:write"
    HEARTBEATS_WRITE = "heartbeats:write"
    SIGNALS_WRITE = "signals:write"
    # What follows reaches beyond one's own organisation and counts in an operator's organisation only.
    APPROVALS_DECIDE = "approvals:decide"
    MARKETPLACE_READ = "marketplace:read"
    MARKETPLACE_WRITE = "marketplace:write"
    ORGANISATIONS_WRITE = "organisations:write"
    PEOPLE_VIEW_AS = "people:view_as"
    SETTINGS_READ = "settings:read"


OPERATOR_ONLY = frozenset(
    {
        Permission.APPROVALS_DECIDE,
        Permission.MARKETPLACE_READ,
        Permission.MARKETPLACE_WRITE,
        Permission.ORGANISATIONS_WRITE,
        Permission.PEOPLE_VIEW_AS,
        Permission.SETTINGS_READ,
    }
)

_READ = frozenset(
    {
        Permission.ORGANISATION_READ,
        Permission.SERVICES_READ,
        Permission.SUBSCRIPTIONS_READ,
        Permission.USAGE_READ,
        Permission.DATA_READ,
        Permission.BILLING_READ,
    }
)
READS = _READ | {Permission.AUDIT_READ}
"""What whoever views as somebody else may do at most."""
_RUN = frozenset(
    {
        Permission.TRAINING_WRITE,
        Permission.DEPLOYMENTS_WRITE,
        Permission.HEARTBEATS_WRITE,
        Permission.SIGNALS_WRITE,
    }
)
_OWN = (
    _READ
    | _RUN
    | {
        Permission.USERS_WRITE,
        Permission.KEYS_WRITE,
        Permission.SERVICES_PUBLISH,
        Permission.CREDENTIALS_WRITE,
        Permission.SUBSCRIPTIONS_WRITE,
        Permission.BILLING_CREDIT,
        Permission.CALLS_DISPUTE,
        Permission.WEBHOOKS_WRITE,
        Permission.AUDIT_READ,
        Permission.PRIVACY_WRITE,
        Permission.CALL,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.SUPER_ADMIN: frozenset(Permission),
    Role.ADMIN: _OWN
    | {
        Permission.APPROVALS_DECIDE,
        Permission.MARKETPLACE_READ,
        Permission.MARKETPLACE_WRITE,
        Permission.PEOPLE_VIEW_AS,
        Permission.SETTINGS_READ,
    },
    Role.APPROVER: _READ | {Permission.APPROVALS_DECIDE, Permission.MARKETPLACE_READ},
    Role.VIEWER: _READ | {Permission.MARKETPLACE_READ},
    Role.SERVICE_ACCOUNT: _READ
    | _RUN
    | {
        Permission.SERVICES_PUBLISH,
        Permission.CREDENTIALS_WRITE,
        Permission.SUBSCRIPTIONS_WRITE,
        Permission.CALL,
    },
}

KEY_SCOPES: dict[str, frozenset[Permission]] = {
    # What each kind of key may carry at most; a new key carries all of it unless it is narrowed.
    "ck": frozenset(
        {
            Permission.CALL,
            Permission.SERVICES_READ,
            Permission.SUBSCRIPTIONS_READ,
            Permission.SUBSCRIPTIONS_WRITE,
            Permission.USAGE_READ,
            Permission.BILLING_READ,
        }
    ),
    "vk": frozenset(
        {
            Permission.SERVICES_READ,
            Permission.SERVICES_PUBLISH,
            Permission.CREDENTIALS_WRITE,
            Permission.DATA_READ,
            Permission.SUBSCRIPTIONS_READ,
            Permission.USAGE_READ,
            Permission.BILLING_READ,
        }
    )
    | _RUN,
    # A running deployment says that it lives and what it sees; it can neither publish nor train.
    "sit": frozenset(
        {Permission.SERVICES_READ, Permission.DATA_READ, Permission.HEARTBEATS_WRITE, Permission.SIGNALS_WRITE}
    ),
    # What an organisation's identity provider shows at `/scim/v2`, and nowhere else.
    "scim": frozenset({Permission.PEOPLE_PROVISION}),
}


def permissions_of(role: Role, *, in_operator: bool) -> frozenset[Permission]:
    """What this role may do in such an organisation."""
    return PERMISSIONS[role] if in_operator else PERMISSIONS[role] - OPERATOR_ONLY
