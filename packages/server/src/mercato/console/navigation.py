"""Which pages are offered to whom. A page is offered where this process serves it and its reader may read it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mercato.identity import Caller, Permission


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation. `needs`: what its reader must be allowed."""

    title: str
    path: str
    needs: Permission | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """Entries under one heading."""

    title: str
    links: Sequence[Link]
    open_to: Callable[[Caller], bool] = lambda caller: True


PUBLIC = Area(
    "Public",
    (
        Link("Browse", "/search"),
        Link("Rankings", "/rankings"),
        Link("Leaderboard", "/leaderboard"),
        Link("Rounds", "/rounds"),
        Link("Status", "/status"),
        Link("Docs", "/docs"),
    ),
)

FOOT = Area("About", (Link("Trust", "/trust"), Link("Privacy", "/privacy")))
"""What stands at the foot of every page."""

_CONSUMER = Area(
    "Consumer",
    (
        Link("Home", "/home"),
        Link("Usage", "/usage", Permission.USAGE_READ),
        Link("Calls", "/calls", Permission.USAGE_READ),
        Link("Disputes", "/disputes", Permission.USAGE_READ),
        Link("Keys", "/keys", Permission.ORGANISATION_READ),
        Link("Subscriptions", "/subscriptions", Permission.SUBSCRIPTIONS_READ),
        Link("For you", "/recommended", Permission.SERVICES_READ),
        Link("Saved searches", "/saved-searches", Permission.SUBSCRIPTIONS_READ),
        Link("Budgets", "/budgets", Permission.USAGE_READ),
        Link("Invoices", "/invoices", Permission.BILLING_READ),
        Link("Statement", "/statement", Permission.BILLING_READ),
        Link("Webhooks", "/webhooks", Permission.ORGANISATION_READ),
        Link("Organisation", "/organisation", Permission.ORGANISATION_READ),
    ),
)
_VENDOR = Area(
    "Vendor",
    (
        Link("Dashboard", "/vendor", Permission.SERVICES_READ),
        Link("Services", "/vendor/services", Permission.SERVICES_READ),
        Link("Publish", "/vendor/publish", Permission.SERVICES_READ),
        Link("Submissions", "/vendor/submissions", Permission.SERVICES_READ),
        Link("Deployments", "/vendor/deployments", Permission.SERVICES_READ),
        Link("Canaries", "/vendor/canaries", Permission.SERVICES_READ),
        Link("Credentials", "/vendor/credentials", Permission.CREDENTIALS_WRITE),
        Link("Training", "/vendor/training", Permission.SERVICES_READ),
        Link("Datasets", "/vendor/datasets", Permission.DATA_READ),
        Link("Signals", "/vendor/signals", Permission.DATA_READ),
        Link("Scores", "/vendor/scores", Permission.DATA_READ),
        Link("Subscribers", "/vendor/subscribers", Permission.SUBSCRIPTIONS_READ),
        Link("Disputes", "/vendor/disputes", Permission.USAGE_READ),
        Link("Revenue", "/vendor/revenue", Permission.BILLING_READ),
        Link("Payouts", "/vendor/payouts", Permission.BILLING_READ),
    ),
)
_OPERATOR = Area(
    "Operator",
    (
        Link("Overview", "/ops", Permission.MARKETPLACE_READ),
        Link("Approvals", "/ops/approvals", Permission.MARKETPLACE_READ),
        Link("Health", "/ops/health", Permission.MARKETPLACE_READ),
        Link("Gateways", "/ops/gateways", Permission.MARKETPLACE_READ),
        Link("Queues", "/ops/queues", Permission.MARKETPLACE_READ),
        Link("Analytics", "/ops/analytics", Permission.MARKETPLACE_READ),
        Link("Organisations", "/ops/organisations", Permission.MARKETPLACE_READ),
        Link("Users", "/ops/users", Permission.MARKETPLACE_READ),
        Link("Roles", "/ops/roles", Permission.MARKETPLACE_READ),
        Link("Calls", "/ops/calls", Permission.MARKETPLACE_READ),
        Link("Disputes", "/ops/disputes", Permission.MARKETPLACE_READ),
        Link("Billing", "/ops/billing", Permission.MARKETPLACE_READ),
        Link("Ledger", "/ops/ledger", Permission.MARKETPLACE_READ),
        Link("Reconciliation", "/ops/reconciliation", Permission.MARKETPLACE_READ),
        Link("Audit", "/ops/audit", Permission.AUDIT_READ),
        Link("Privacy", "/ops/privacy", Permission.PRIVACY_WRITE),
        Link("Retention", "/ops/retention", Permission.MARKETPLACE_READ),
        Link("Datasets", "/ops/datasets", Permission.MARKETPLACE_READ),
        Link("Rounds", "/ops/rounds", Permission.MARKETPLACE_READ),
        Link("Settings", "/ops/settings", Permission.SETTINGS_READ),
        Link("Announcements", "/ops/announcements", Permission.MARKETPLACE_READ),
        Link("Single sign-on", "/ops/sso", Permission.MARKETPLACE_READ),
    ),
    lambda caller: caller.is_operator,
)
_DESK = Area(
    "Desk",
    (
        Link("Book", "/desk", Permission.MARKETPLACE_READ),
        Link("Rounds", "/desk/rounds", Permission.MARKETPLACE_READ),
        Link("Switches", "/desk/switches", Permission.MARKETPLACE_READ),
        Link("Optimizer", "/desk/optimizer", Permission.MARKETPLACE_READ),
        Link("Record", "/desk/record", Permission.MARKETPLACE_READ),
        Link("Log", "/desk/log", Permission.MARKETPLACE_READ),
    ),
    lambda caller: caller.is_operator,
)
_AREAS = (_CONSUMER, _VENDOR, _OPERATOR, _DESK)
PATHS = tuple(link.path for area in (PUBLIC, FOOT, *_AREAS) for link in area.links)
"""Every entry that there may be."""


def public_links(caller: Caller | None, served: frozenset[str]) -> list[Link]:
    """The entries at the top of every page, which most people may follow without signing in."""
    return [link for link in PUBLIC.links if link.path in served and _may(caller, link.needs)]


def foot_links(served: frozenset[str]) -> list[Link]:
    """The entries at the foot, which everybody may follow."""
    return [link for link in FOOT.links if link.path in served]


def areas_for(caller: Caller, served: frozenset[str]) -> list[Area]:
    """What this caller may see, among the pages that are `served`."""
    shown = []
    # What operators came for is not below what every organisation has.
    for area in (_OPERATOR, _DESK, _CONSUMER, _VENDOR) if caller.is_operator else _AREAS:
        links = [link for link in area.links if link.path in served and _may(caller, link.needs)]
        if links and area.open_to(caller):
            shown.append(Area(area.title, links))
    return shown


def _may(caller: Caller | None, needs: Permission | None) -> bool:
    return needs is None or (caller is not None and caller.may(needs))


def current_path(path: str, areas: Sequence[Area]) -> str:
    """The entry that `path` lies under: the longest one that it begins with."""
    fitting = [
        link.path for area in areas for link in area.links if path == link.path or path.startswith(f"{link.path}/")
    ]
    return max(fitting, key=len, default="")
