"""Every router of the console, by the role whose process serves it."""

from mercato.console import (
    calls,
    desk,
    device,
    home,
    keys,
    landing,
    links,
    money,
    operator,
    search,
    service,
    sign_in,
    status,
    subscriptions,
    try_it,
    usage,
    vendor,
)

ACCOUNT_PAGES = (landing.router, sign_in.router, device.router, links.router)
DISCOVERY_PAGES = (search.router,)
CONSUMER_PAGES = (
    home.router,
    keys.router,
    usage.router,
    calls.router,
    money.router,
    subscriptions.router,
    service.router,
    try_it.router,
    status.router,
)
VENDOR_PAGES = vendor.ROUTERS
ADMIN_PAGES = (*operator.ROUTERS, *desk.ROUTERS)
