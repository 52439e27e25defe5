"""The control plane's process: one application, any of its roles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from mercato.adapters.training_local import LocalProvider
from mercato.adapters.training_runpod import RunPodClient, RunPodProvider, read_places
from mercato.api import consumption, health, objects
from mercato.api.addresses import TrustedProxies
from mercato.api.bodies import BodyRoom
from mercato.api.document import install_document, operation_id
from mercato.api.idempotency import AnswerCipher
from mercato.api.middleware import Edge
from mercato.api.problems import install_problems
from mercato.api.reference_pages import STATIC, reference_pages
from mercato.api.wiring import Wiring
from mercato.app.files import build_objects
from mercato.app.letters import build_mail
from mercato.app.parts import PARTS
from mercato.app.settings import Settings
from mercato.identity import (
    AccessTokens,
    FactorSeal,
    KeyProof,
    KnownDevices,
    LinkTokens,
    PasswordProof,
    ProvenKeys,
    SecretHasher,
)
from mercato.platform import Clock, Database, HeadKey, ObjectStore, Outbox, OutboxFeed, Purpose, SystemClock, SystemIds
from mercato.publishing import CredentialSeal
from mercato.signals import LiveRounds
from mercato.training import ClaimLinks, Provider
from mercato.webhooks import SecretSeal, WebhookAddresses

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

ROLES = tuple(PARTS)
"""`mercato up` serves all of them from one process."""

_TRY_AGAIN_SECONDS = 1.0
_GATEWAY_BODIES = 256 * 1024 * 1024
_GATEWAY_CONNECTIONS = 8
"""And as many more when all are in use: gates let 12 of gateways' questions in at once (`consumption/gates.py`)."""


def build_wiring(settings: Settings, database_url: str, clock: Clock | None = None) -> Wiring:
    """The parts of one process."""
    clock = clock or SystemClock()
    database, gateway_database = Database(database_url), Database(database_url, pool_size=_GATEWAY_CONNECTIONS)
    hasher, proven = SecretHasher(), ProvenKeys()
    known_devices = KnownDevices(settings.signing_key)
    store = build_objects(settings, clock)
    claims = ClaimLinks(settings.signing_key, settings.client_url, clock)
    return Wiring(
        database=database,
        gateway_database=gateway_database,
        clock=clock,
        ids=SystemIds(clock),
        outbox=Outbox(clock),
        hasher=hasher,
        tokens=AccessTokens(settings.signing_key),
        proven=proven,
        key_proof=KeyProof(database, hasher, proven),
        gateway_key_proof=KeyProof(gateway_database, SecretHasher(threads=1), proven),
        password_proof=PasswordProof(database, clock, hasher, known_devices),
        known_devices=known_devices,
        factor_seal=FactorSeal(settings.signing_key),
        invitation_links=LinkTokens(settings.signing_key, Purpose.INVITATION_LINK),
        reset_links=LinkTokens(settings.signing_key, Purpose.PASSWORD_RESET_LINK),
        mail=build_mail(settings, clock),
        cipher=AnswerCipher(settings.signing_key),
        gateway_token=settings.gateway_token,
        webhook_seal=SecretSeal(settings.signing_key),
        credential_seal=CredentialSeal(settings.signing_key),
        webhook_addresses=WebhookAddresses(allow_private=settings.allow_private_endpoints),
        objects=store,
        data_key=settings.data_key,
        client_url=settings.client_url,
        gateway_url=None if settings.gateway_public_url is None else settings.gateway_public_url.rstrip("/"),
        gateway_port=settings.gateway_port,
        proxies=TrustedProxies(settings.trusted_proxies),
        cors_origins=tuple(filter(None, settings.cors_origins.split(","))),
        log_key=HeadKey(settings.signing_key),
        live_rounds=LiveRounds(store),
        providers=build_providers(settings, store, claims),
        claims=claims,
        take_rate_bp=settings.take_rate_bp,
        sample_data=settings.sample_data,
        site=settings.site,
        redis=_connect_redis(settings.redis_url),
    )


def _connect_redis(url: str | None) -> "Redis | None":
    if url is None:
        return None
    from mercato.adapters.counters_redis import connect

    return connect(url)


def build_providers(settings: Settings, objects: ObjectStore, claims: ClaimLinks) -> dict[str, Provider]:
    """Where training runs here: on this machine, and on RunPod where the operator has a key and endpoints."""
    local = LocalProvider(settings.state / "training", nanos_per_hour=settings.local_nanos_per_hour)
    places = read_places(settings.runpod_endpoints)
    if settings.runpod_api_key is None or not places:
        return {"local": local}
    client = RunPodClient(
        settings.runpod_api_key.get_secret_value(),
        jobs_url=settings.runpod_jobs_url,
        rest_url=settings.runpod_rest_url,
    )
    return {"local": local, "runpod": RunPodProvider(client, places, objects, claims)}


def create_app(wiring: Wiring, roles: Sequence[str]) -> FastAPI:
    """The application of these roles over these parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        feed = OutboxFeed(wiring.database)
        await feed.start([], [wiring.remembered.subscriber(), *(hearer for part in parts for hearer in part.hears)])
        opening = [asyncio.create_task(_open(part.opens)) for part in parts if part.opens is not None]
        yield
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        await feed.close()
        await wiring.close()

    app: FastAPI = FastAPIOffline(
        docs_url=None,
        redoc_url=None,  # its page shows an image from elsewhere
        static_url=STATIC,
        title="Mercato control API",
        version="0.1.0",
        summary="Publish, approve, find, subscribe, meter and bill AI models and services",
        lifespan=lifespan,
        swagger_ui_parameters={"validatorUrl": None},  # which would hand the document to another site
        generate_unique_id_function=operation_id,
        # A redirect would name the host that the client sent: an address with a slash too many is unknown instead.
        redirect_slashes=False,
    )
    app.state.wiring = wiring
    parts = [PARTS[role](app, wiring) for role in roles]
    app.state.readiness = {name: ready for part in parts for name, ready in part.ready.items()}
    app.state.ends_streams = [part.ends_streams for part in parts if part.ends_streams is not None]
    app.include_router(reference_pages(app, wiring.site))
    app.include_router(health.router)
    app.include_router(objects.router)
    for part in parts:
        for router in part.routers:
            app.include_router(router)
    install_problems(app)
    install_document(app)
    if wiring.cors_origins:
        # Bearer tokens travel in a header of their own, so no site gets a person's cookies: there are none.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(wiring.cors_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "if-none-match"],
            expose_headers=["etag", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"],
            max_age=600,
        )
    app.add_middleware(Edge, ids=wiring.ids, proxies=wiring.proxies, room=wiring.body_room)
    return app


def create_internal_app(app: FastAPI, roles: Sequence[str]) -> FastAPI:
    """What gateways and Prometheus ask of the same process: the parts and the state are `app`'s."""
    internal = FastAPI(openapi_url=None, redirect_slashes=False)
    internal.state = app.state
    internal.include_router(health.router)
    internal.include_router(health.metrics)
    if "consumption" in roles:
        internal.include_router(consumption.router)
    install_problems(internal)
    wiring: Wiring = app.state.wiring
    internal.add_middleware(Edge, ids=wiring.ids, proxies=TrustedProxies(), room=BodyRoom(most_of_one=_GATEWAY_BODIES))
    return internal


async def _open(opens: Callable[[], Awaitable[None]]) -> None:
    """Until it succeeds: a database that is away for a minute must not leave a part closed for good."""
    while True:
        try:
            await opens()
        except Exception as error:
            log.warning("a part could not open yet", error=str(error))
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        else:
            return
