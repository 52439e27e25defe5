"""Pages of vendors: what they sell, what runs it, what it is trained on, what it earns."""

from mercato.console.vendor import (
    canaries,
    credentials,
    dashboard,
    data,
    deployments,
    desk,
    money,
    publish,
    services,
    submissions,
    training,
    training_start,
)

ROUTERS = tuple(
    page.router
    for page in (
        dashboard,
        services,
        publish,
        submissions,
        deployments,
        canaries,
        credentials,
        training_start,
        training,
        data,
        desk,
        money,
    )
)

__all__ = ["ROUTERS"]
