"""Pages of operators: what needs a decision, how the marketplace runs, who is in it, what its money does."""

from mercato.console.operator import (
    analytics,
    approvals,
    audit,
    money,
    overview,
    people,
    privacy,
    running,
    settings,
    sign_on,
)

ROUTERS = tuple(
    page.router for page in (overview, approvals, analytics, running, people, money, audit, privacy, settings, sign_on)
)

__all__ = ["ROUTERS"]
