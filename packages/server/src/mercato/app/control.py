"""The control plane's process: one application, any of its roles."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from mercato.api import health, identity
from mercato.api.idempotency import AnswerCipher
from mercato.api.middleware import Edge
from mercato.api.problems import install_problems
from mercato.api.wiring import Wiring
from mercato.app.settings import Settings
from mercato.identity import AccessTokens, ProvenKeys, SecretHasher
from mercato.platform import Clock, Database, Outbox, OutboxFeed, SystemClock, SystemIds

ROLES = {
    "publishing": (),
    "discovery": (),
    "consumption": (),
    "admin": (identity.router,),
}
"""The routers of each role; `mercato up` serves all of them from one process."""


def build_wiring(settings: Settings, database_url: str, clock: Clock | None = None) -> Wiring:
    """The parts of one process."""
    clock = clock or SystemClock()
    return Wiring(
        database=Database(database_url),
        clock=clock,
        ids=SystemIds(clock),
        outbox=Outbox(clock),
        hasher=SecretHasher(),
        tokens=AccessTokens(settings.signing_key),
        proven=ProvenKeys(),
        cipher=AnswerCipher(settings.signing_key),
        gateway_token=settings.gateway_token,
    )


def create_app(wiring: Wiring, roles: list[str]) -> FastAPI:
    """The application of these roles over these parts."""
    readiness: dict[str, Callable[[], bool]] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        feed = OutboxFeed(wiring.database)
        await feed.start([], [])
        yield
        await feed.close()
        await wiring.database.close()

    app: FastAPI = FastAPIOffline(
        title="Mercato control API",
        version="0.1.0",
        summary="Publish, approve, find, subscribe, meter and bill AI models and services",
        lifespan=lifespan,
    )
    app.state.wiring = wiring
    app.state.readiness = readiness
    app.include_router(health.router)
    for role in roles:
        for router in ROLES[role]:
            app.include_router(router)
    install_problems(app)
    app.add_middleware(Edge, ids=wiring.ids)
    return app
