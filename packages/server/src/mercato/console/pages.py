"""Every router of the console, by the role whose process serves it."""

from mercato.console import (
    calls,
    desk,
    device,
    exploring,
    home,
    keys,
    landing,
    links,
    money,
    operator,
    organisation,
    passkeys,
    places,
    privacy,
    reviews,
    saved_searches,
    search,
    service,
    service_accounts,
    service_diff,
    sign_in,
    sso,
    standings,
    status,
    subscriptions,
    trust,
    try_it,
    usage,
    vendor,
    webhooks,
)

ACCOUNT_PAGES = (
    landing.router,
    sign_in.router,
    device.router,
    sso.router,
    links.router,
    places.router,
    passkeys.router,
)
DISCOVERY_PAGES = (search.router, exploring.router, saved_searches.router)
CONSUMER_PAGES = (
    home.router,
    keys.router,
    usage.router,
    calls.router,
    money.router,
    organisation.router,
    service_accounts.router,
    webhooks.router,
    subscriptions.router,
    service.router,
    reviews.router,
    service_diff.router,
    try_it.router,
    status.router,
    standings.router,
)
VENDOR_PAGES = vendor.ROUTERS
ADMIN_PAGES = (*operator.ROUTERS, *desk.ROUTERS, privacy.router, trust.router)
