"""The control plane's process: one application, any of its roles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.routing import BaseRoute

from mercato.api import consumption, health, objects, search_index
from mercato.app.parts import PARTS, Part
from mercato.app.wiring import build_wiring
from mercato.console import assets
from mercato.console.errors import error_page
from mercato.edge.addresses import TrustedProxies
from mercato.edge.answer_cache import AnswerCache
from mercato.edge.bodies import BodyRoom
from mercato.edge.document import install_document, operation_id
from mercato.edge.middleware import Edge
from mercato.edge.problems import install_problems
from mercato.edge.reference_pages import STATIC, reference_pages
from mercato.edge.wiring import Running, Wiring, running_of, set_running
from mercato.platform import OutboxFeed, time_kept

log = structlog.get_logger(__name__)

__all__ = ["ROLES", "build_wiring", "create_app", "create_internal_app"]

ROLES = tuple(PARTS)
"""`mercato up` serves all of them from one process."""

_TRY_AGAIN_SECONDS = 1.0
_GATEWAY_BODIES = 256 * 1024 * 1024


def create_app(wiring: Wiring, roles: Sequence[str]) -> FastAPI:
    """The application of these roles over these parts."""
    parts = [PARTS[role](wiring) for role in roles]
    app = _bare_app(partial(_lifespan, wiring, parts))
    set_running(app, _run(wiring, parts))
    app.include_router(reference_pages(wiring.site))
    everywhere = (health.router, objects.router, assets.router)
    app.router.routes.extend(_routes_of([*everywhere, *(router for part in parts for router in part.routers)]))
    install_problems(app)
    install_document(app)
    kept = {path: version for part in parts for path, version in part.keeps.items()}
    if kept:
        app.add_middleware(AnswerCache, versions=kept)
    if wiring.cors_origins:
        _let_sites_read(app, wiring.cors_origins)
    app.add_middleware(
        Edge,
        ids=wiring.ids,
        proxies=wiring.proxies,
        room=wiring.body_room,
        error_page=error_page,
        tracer=wiring.tracer,
    )
    return app


_TOGETHER: dict[tuple[int, ...], APIRouter] = {}
"""Routers that were included together, by their ids; they live as long as the process."""


def _routes_of(routers: Sequence[APIRouter]) -> list[BaseRoute]:
    """The routes of these routers, which every application of this process shares.

    FastAPI reads the parameters of each route anew for each application that includes its router: up to 0.4 s of CPU.
    """
    together = _TOGETHER.get(key := tuple(map(id, routers)))
    if together is None:
        together = _TOGETHER[key] = APIRouter(generate_unique_id_function=operation_id)
        for router in routers:
            together.include_router(router)
    return together.routes


def _run(wiring: Wiring, parts: Sequence[Part]) -> Running:
    running = Running(
        wiring,
        readiness={name: ready for part in parts for name, ready in part.ready.items()},
        ends_streams=[part.ends_streams for part in parts if part.ends_streams is not None],
    )
    for part in parts:
        running = part.adds(running)
    return running


def _bare_app(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
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
    return app


@asynccontextmanager
async def _lifespan(wiring: Wiring, parts: Sequence[Part], app: FastAPI) -> AsyncIterator[None]:
    """Hear the outbox and open what takes time, until the process stops."""
    async with time_kept(wiring.clock, wiring.database), _opened(wiring, parts, app):
        yield


@asynccontextmanager
async def _opened(wiring: Wiring, parts: Sequence[Part], app: FastAPI) -> AsyncIterator[None]:
    feed = OutboxFeed(wiring.database, tracer=wiring.tracer)
    await feed.start(
        [],
        [
            wiring.remembered.subscriber(),
            wiring.notices.subscriber(),
            *(hearer for part in parts for hearer in part.hears),
        ],
    )
    hub = running_of(app).snapshot_hub
    if hub is not None:
        hub.listen_by(lambda: feed.is_deaf)
    following = asyncio.create_task(wiring.follow_secret(), name="the marketplace's keys")
    opens = [wiring.notices.load, *(part.opens for part in parts if part.opens is not None)]
    opening = [asyncio.create_task(_open(each)) for each in opens]
    yield
    for task in (following, *opening):
        task.cancel()
    await asyncio.gather(following, *opening, return_exceptions=True)
    await feed.close()
    for part in parts:
        if part.closes is not None:
            await part.closes()
    await wiring.close()


def _let_sites_read(app: FastAPI, origins: Sequence[str]) -> None:
    """Bearer tokens travel in a header of their own, so no site gets a person's cookies: there are none."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["authorization", "content-type", "idempotency-key", "if-none-match"],
        expose_headers=["etag", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"],
        max_age=600,
    )


def create_internal_app(app: FastAPI, roles: Sequence[str]) -> FastAPI:
    """What gateways and Prometheus ask of the same process: the parts are `app`'s."""
    internal = FastAPI(openapi_url=None, redirect_slashes=False)
    set_running(internal, running_of(app))
    internal.include_router(health.router)
    internal.include_router(health.metrics)
    if "consumption" in roles:
        internal.include_router(consumption.router)
    if "discovery" in roles:
        internal.include_router(search_index.router)
    install_problems(internal)
    wiring = running_of(app).wiring
    internal.add_middleware(
        Edge,
        ids=wiring.ids,
        proxies=TrustedProxies(),
        room=BodyRoom(most_of_one=_GATEWAY_BODIES),
        tracer=wiring.tracer,
        trusts_callers=True,
    )
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
