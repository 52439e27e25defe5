"""What each role adds to a process: its routers, what it hears, what must be ready."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter

from mercato.api import (
    analytics,
    anomalies,
    approvals,
    audit,
    billing,
    calls,
    canaries,
    catalog,
    consumption,
    credentials,
    datasets,
    deployments,
    device,
    discovery,
    disputes,
    feedback,
    figures,
    graphql,
    identity,
    invitations,
    keys_of_all,
    listings,
    marketplace,
    memberships,
    metering,
    oauth,
    organisations,
    overview,
    passkeys,
    passwords,
    privacy,
    publishing,
    reviews,
    saved_searches,
    scim_settings,
    second_factors,
    service_accounts,
    service_health,
    service_levels,
    sessions,
    signals,
    sso,
    statements,
    status,
    subscriptions,
    training,
    usage_reviews,
    view_as,
    webhooks,
    workflows,
)
from mercato.app.engines import build_search_index
from mercato.app.probes import admin_probing
from mercato.console.pages import ACCOUNT_PAGES, ADMIN_PAGES, CONSUMER_PAGES, DISCOVERY_PAGES, VENDOR_PAGES
from mercato.consumption import Gates, SnapshotHub, StatusBoard
from mercato.discovery import (
    FallingBack,
    KeptIndexKeeper,
    MarketMemory,
    Searching,
    SearchMisses,
    SharedIndexKeeper,
)
from mercato.edge.answer_cache import Version
from mercato.edge.catalog_pages import CatalogPages
from mercato.edge.live_changes import LiveChanges
from mercato.edge.wiring import Running, Wiring
from mercato.platform import EphemeralSubscriber

OF_THE_INDEX_ALONE = ("/api/search", "/api/facets", "/api/categories", "/api/suggest")
"""Their answers are the same for everybody until the index changes; that of categories costs a search for each task."""


@dataclass(frozen=True, slots=True)
class Part:
    """One role's share of a process."""

    routers: tuple[APIRouter, ...]
    hears: tuple[EphemeralSubscriber[Any], ...] = ()
    opens: Callable[[], Awaitable[None]] | None = None
    """Run in the background once the outbox is heard, so that no news falls between."""
    ready: dict[str, Callable[[], bool]] = field(default_factory=dict)
    closes: Callable[[], Awaitable[None]] | None = None
    """Awaited at the end, when the outbox is no longer heard."""
    ends_streams: Callable[[], None] | None = None
    """Called when the process begins to stop: answers that never end by themselves end then."""
    keeps: dict[str, Version] = field(default_factory=dict)
    """Paths whose answers are kept in memory, and what those are made of."""
    adds: Callable[[Running], Running] = lambda running: running
    """Adds what the routes of this role find."""


def publishing_part(wiring: Wiring) -> Part:
    """Submissions, approvals, listings; data rounds."""
    pages = CatalogPages(wiring.database, wiring.clock)
    return Part(
        (publishing.router, approvals.router, datasets.router, canaries.router, catalog.router, signals.router),
        adds=lambda running: replace(running, catalog_pages=pages),
    )


def discovery_part(wiring: Wiring) -> Part:
    """Search over this process's own index, built from the database and kept by the outbox, or over the shared one."""
    embedder = wiring.build_embedder()
    keeper: KeptIndexKeeper | SharedIndexKeeper
    if wiring.shared_index is None:
        kept = build_search_index(wiring.search_folder, embedder.dimensions)
        asked = FallingBack(kept, wiring.database)
        keeper = KeptIndexKeeper(wiring.database, kept, embedder)
        opens = keeper.run
    else:
        shared = wiring.shared_index(embedder.dimensions)
        asked = FallingBack(shared, wiring.database)
        keeper = SharedIndexKeeper(wiring.database, shared, asked, embedder)
        opens = keeper.build
    searching = Searching(asked, embedder, lambda: keeper.state)
    misses = SearchMisses(wiring.database, wiring.clock, wiring.data_key)
    return Part(
        (discovery.router, listings.router, reviews.router, feedback.router, saved_searches.router, *DISCOVERY_PAGES),
        (keeper.subscriber(),),
        opens,
        {"the search index": keeper.is_ready},
        closes=asked.close,
        keeps=dict.fromkeys(OF_THE_INDEX_ALONE, lambda: searching.version),
        adds=lambda running: replace(
            running,
            searching=searching,
            search_misses=misses,
            index_keeper=keeper,
            market_memory=MarketMemory(wiring.clock),
        ),
    )


def consumption_part(wiring: Wiring) -> Part:
    """The gateway's side of the control plane; subscriptions, usage, invoices."""
    hub = SnapshotHub(wiring.gateway_database, wiring.clock, wiring.credential_seal)
    gates, board = Gates(), StatusBoard(wiring.clock)
    return Part(
        (
            consumption.router,
            subscriptions.router,
            figures.router,
            anomalies.router,
            calls.router,
            metering.router,
            billing.router,
            statements.router,
            service_levels.router,
            usage_reviews.router,
            disputes.router,
            status.router,
            *CONSUMER_PAGES,
        ),
        (hub.subscriber(),),
        ends_streams=hub.close,
        adds=lambda running: replace(running, snapshot_hub=hub, gates=gates, status_board=board),
    )


def accounts_part(wiring: Wiring) -> Part:
    """Organisations, people, sessions, keys, tokens; what the marketplace says of itself."""
    from mercato.api import scim

    return Part(
        (
            identity.router,
            sessions.router,
            passwords.router,
            second_factors.router,
            invitations.router,
            marketplace.router,
            device.router,
            passkeys.router,
            sso.router,
            memberships.router,
            view_as.router,
            scim.router,
            scim_settings.router,
            service_accounts.router,
            *ACCOUNT_PAGES,
            oauth.router,
        )
    )


def vendors_part(wiring: Wiring) -> Part:
    """What vendors run: deployments, training, webhooks, credentials of their endpoints."""
    return Part(
        (
            deployments.router,
            training.router,
            training.streams,
            webhooks.router,
            credentials.router,
            *VENDOR_PAGES,
        )
    )


def admin_part(wiring: Wiring) -> Part:
    """The audit log, the standing of organisations and people, privacy, the health of our own services,
    governance by GraphQL."""
    places = wiring.health_places
    live = LiveChanges(wiring.database)
    probing = None if places is None else admin_probing(wiring, places)
    return Part(
        (
            audit.router,
            organisations.router,
            privacy.router,
            service_health.router,
            overview.router,
            analytics.router,
            keys_of_all.router,
            workflows.router,
            *ADMIN_PAGES,
            graphql.router,
            graphql.streams,
        ),
        (live.subscriber(),),
        opens=None if probing is None else probing.run,
        ends_streams=live.close,
        adds=lambda running: replace(running, live_changes=live),
    )


PARTS: dict[str, Callable[[Wiring], Part]] = {
    "publishing": publishing_part,
    "discovery": discovery_part,
    "consumption": consumption_part,
    "accounts": accounts_part,
    "vendors": vendors_part,
    "admin": admin_part,
}
