"""Pages of operators: what needs a decision, how the marketplace runs, who is in it, what its money does."""

from mercato.console.operator import (
    analytics,
    approvals,
    audit,
    datasets,
    disputes,
    money,
    overview,
    people,
    privacy,
    queues,
    running,
    settings,
    sign_on,
    view_as,
)

ROUTERS = tuple(
    page.router
    for page in (
        overview,
        approvals,
        analytics,
        running,
        queues,
        people,
        money,
        disputes,
        audit,
        privacy,
        datasets,
        settings,
        sign_on,
        view_as,
    )
)

__all__ = ["ROUTERS"]
