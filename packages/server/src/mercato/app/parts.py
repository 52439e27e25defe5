"""What each role adds to a process: its routers, what it hears, what must be ready."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter

from mercato.api import (
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
    figures,
    identity,
    invitations,
    marketplace,
    metering,
    oauth,
    organisations,
    passkeys,
    passwords,
    publishing,
    second_factors,
    service_levels,
    sessions,
    signals,
    sso,
    statements,
    status,
    subscriptions,
    training,
    usage_reviews,
    webhooks,
)
from mercato.app.engines import build_embedder, build_search_index
from mercato.console import device as device_page
from mercato.console import links as link_pages
from mercato.console import sso as sso_pages
from mercato.console import status as status_pages
from mercato.consumption import Gates, SnapshotHub, StatusBoard
from mercato.discovery import IndexKeeper, Searching
from mercato.edge.catalog_pages import CatalogPages
from mercato.edge.wiring import Running, Wiring
from mercato.platform import EphemeralSubscriber


@dataclass(frozen=True, slots=True)
class Part:
    """One role's share of a process."""

    routers: tuple[APIRouter, ...]
    hears: tuple[EphemeralSubscriber[Any], ...] = ()
    opens: Callable[[], Awaitable[None]] | None = None
    """Run in the background once the outbox is heard, so that no news falls between."""
    ready: dict[str, Callable[[], bool]] = field(default_factory=dict)
    ends_streams: Callable[[], None] | None = None
    """Called when the process begins to stop: answers that never end by themselves end then."""
    adds: Callable[[Running], Running] = lambda running: running
    """Adds what the routes of this role find."""


def publishing_part(wiring: Wiring) -> Part:
    """Submissions, approvals, listings; data rounds."""
    pages = CatalogPages(wiring.database, wiring.clock)
    return Part(
        (publishing.router, datasets.router, canaries.router, catalog.router, signals.router),
        adds=lambda running: replace(running, catalog_pages=pages),
    )


def discovery_part(wiring: Wiring) -> Part:
    """Search over this process's own index, built from the database and kept by the outbox."""
    embedder = build_embedder()
    index = build_search_index(embedder.dimensions)
    keeper = IndexKeeper(wiring.database, index)
    searching = Searching(index, embedder)
    return Part(
        (discovery.router,),
        (keeper.subscriber(),),
        keeper.build,
        {"the search index": keeper.is_ready},
        adds=lambda running: replace(running, searching=searching),
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
            calls.router,
            metering.router,
            billing.router,
            statements.router,
            service_levels.router,
            usage_reviews.router,
            status.router,
            status_pages.router,
        ),
        (hub.subscriber(),),
        ends_streams=hub.close,
        adds=lambda running: replace(running, snapshot_hub=hub, gates=gates, status_board=board),
    )


def accounts_part(wiring: Wiring) -> Part:
    """Organisations, people, sessions, keys, tokens; what the marketplace says of itself."""
    return Part(
        (
            identity.router,
            sessions.router,
            passwords.router,
            second_factors.router,
            invitations.router,
            marketplace.router,
            device.router,
            device_page.router,
            link_pages.router,
            passkeys.router,
            sso.router,
            sso_pages.router,
            oauth.router,
        )
    )


def vendors_part(wiring: Wiring) -> Part:
    """What vendors run: deployments, training, webhooks, credentials of their endpoints."""
    return Part((deployments.router, training.router, training.streams, webhooks.router, credentials.router))


def admin_part(wiring: Wiring) -> Part:
    """The audit log, the standing of organisations and people."""
    return Part((audit.router, organisations.router))


PARTS: dict[str, Callable[[Wiring], Part]] = {
    "publishing": publishing_part,
    "discovery": discovery_part,
    "consumption": consumption_part,
    "accounts": accounts_part,
    "vendors": vendors_part,
    "admin": admin_part,
}
