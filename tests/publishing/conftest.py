"""A vendor's real service on loopback, and a marketplace whose worker runs the pipeline."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mercato.adapters.policy_cedar import CedarPolicy
from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.admin import SuspensionKeeper
from mercato.identity import Caller
from mercato.platform import Clock, Database, Ids, MarketplaceSecret, Outbox, OutboxFeed
from mercato.publishing import (
    Approvals,
    CredentialSeal,
    Dossier,
    LiveCalls,
    Pipeline,
    PipelineStarter,
    Submission,
    Submissions,
)
from mercato_checks.confined import ConfinedChecks
from tests.support.asgi import serve_app
from tests.support.market import market
from tests.support.ports import free_port

__all__ = ["market"]


@dataclass
class VendorService:
    """A small real HTTP service; a test changes how it behaves."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=lambda: {"word": "hello", "length": 5})
    seconds: float = 0.0
    calls: int = 0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Once set, nothing waits any longer."""

    async def greet(self, request: Request) -> Response:
        self.calls += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self.hurry.wait()
        return JSONResponse(self.answer, self.status)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/greeting", self.greet)])


@pytest.fixture
async def vendor_service() -> AsyncIterator[VendorService]:
    """Runs on a free port of loopback."""
    service = VendorService()
    async with serve_app(service.app()) as service.url:
        yield service
        service.hurry.set()


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Greetings", "version": "1.0.0"},
    "security": [{"bearer": []}],
    "paths": {
        "/greeting": {
            "get": {
                "operationId": "greet",
                "summary": "A greeting",
                "responses": {
                    "200": {
                        "description": "The word and its length",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["word", "length"],
                                    "properties": {"word": {"type": "string"}, "length": {"type": "integer"}},
                                }
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
}


@dataclass
class Offer:
    """What a vendor hands in; a test changes it."""

    manifest: dict[str, Any]
    document: dict[str, Any] | None

    @property
    def manifest_text(self) -> str:
        return yaml.safe_dump(self.manifest)

    @property
    def document_text(self) -> str | None:
        return None if self.document is None else json.dumps(self.document)

    def at(self, version: str) -> "Offer":
        """The same content as another version."""
        document = json.loads(json.dumps(self.document))
        if document is not None:
            document["info"]["version"] = version
        return Offer({**json.loads(json.dumps(self.manifest)), "version": version}, document)


@dataclass
class Texts:
    """What a vendor hands in, letter by letter: it need not be an offer at all."""

    manifest_text: str
    document_text: str | None


@pytest.fixture
def offer(vendor_service: VendorService) -> Offer:
    """A service that passes every phase by rule."""
    return Offer(
        manifest={
            "mercato": 1,
            "name": "greeter",
            "version": "1.0.0",
            "title": "Greetings for everyone",
            "summary": "Says hello and counts the letters of it.",
            "protocol": "openapi",
            "task": "other",
            "openapi": "openapi.json",
            "endpoint": {"url": vendor_service.url, "timeout_seconds": 5},
            "plans": [
                {"name": "free", "limits": [{"unit": "requests", "per": "minute", "amount": 60}]},
                {"name": "per-call", "price": {"per_call": "0.001"}},
            ],
            "licence": "Apache-2.0",
            "tags": ["greetings"],
        },
        document=json.loads(json.dumps(DOCUMENT)),
    )


@dataclass
class Marketplace:
    """The database and a worker that runs the pipeline."""

    database: Database
    clock: Clock
    ids: Ids
    outbox: Outbox

    async def submit(self, caller: Caller, offer: Offer | Texts) -> Submission:
        async with self.database.transaction() as session:
            desk = Submissions(session, self.clock, self.ids, self.outbox)
            submission, _ = await desk.submit(caller, manifest=offer.manifest_text, document=offer.document_text)
        return submission

    async def look(self, caller: Caller, submission_id: str) -> Dossier:
        async with self.database.transaction() as session:
            return await Submissions(session, self.clock, self.ids, self.outbox).get(caller, submission_id)

    async def follow(self, caller: Caller, submission_id: str, *states: str, seconds: float = 120.0) -> Dossier:
        """The submission once it is in one of these states."""
        dossier = await self.look(caller, submission_id)
        try:
            async with asyncio.timeout(seconds):
                while dossier.submission.state not in states:
                    await asyncio.sleep(0.02)
                    dossier = await self.look(caller, submission_id)
        except TimeoutError:
            pytest.fail(f"{dossier.submission.state}: {[(e.name, e.outcome, e.findings) for e in dossier.evidence]}")
        return dossier

    async def publish(self, caller: Caller, offer: Offer | Texts) -> Dossier:
        """Submitted and ended, by rule."""
        submission = await self.submit(caller, offer)
        return await self.follow(caller, submission.id, "released", "refused")

    async def decide(self, caller: Caller, submission_id: str, decision: Any, reason: str = "looked at it") -> None:
        async with self.database.transaction() as session:
            await Approvals(session, self.clock, self.outbox).decide(caller, submission_id, decision, reason)


@pytest.fixture
def idle(database: Database, clock: Clock, ids: Ids, outbox: Outbox) -> Marketplace:
    """A marketplace whose worker does not run."""
    return Marketplace(database, clock, ids, outbox)


OpenWorker = Callable[[], contextlib.AbstractAsyncContextManager[None]]


RULES = """
@id("open") @reason("Nothing speaks against it.")
permit (principal, action, resource);

@id("banned") @reason("Vision is not wanted here.")
forbid (principal, action == Action::"publish", resource) when { context.task == "vision" };

@id("suspended") @reason("The vendor is suspended.")
forbid (principal, action == Action::"publish", resource) when { context.vendor_suspended };

@id("speech") @reason("A person listens first.")
forbid (principal, action == Action::"approve_automatically", resource)
when { context.task == "speech" || context.task == "search" };

@id("search") @reason("Two persons look at search.")
forbid (principal, action == Action::"approve_alone", resource) when { context.task == "search" };
"""
"""An operator who lets all pass by rule, but speech (one person), search (two) and vision (nobody)."""


@pytest.fixture
def rules() -> str | None:
    """The operator's rules; a test may override them."""
    return RULES


@pytest.fixture
async def checks() -> AsyncIterator[ConfinedChecks]:
    """The worker's own processes for checks."""
    async with ConfinedChecks() as confined:
        yield confined


@contextlib.asynccontextmanager
async def worker_with(market: Marketplace, rules: str | None, checks: ConfinedChecks) -> AsyncIterator[None]:
    """A worker whose checks run in these processes."""
    live = LiveCalls(CredentialSeal(MarketplaceSecret.of(bytes(32))), allow_private=True)
    pipeline = Pipeline(market.database, market.clock, market.ids, market.outbox, live, CedarPolicy(rules), checks)
    engine = DbosWorkflows(market.database.url, [pipeline.workflow()], executor="test", version="1")
    feed, keeper = OutboxFeed(market.database), SuspensionKeeper(market.clock, market.outbox)
    await engine.open()
    await feed.start([PipelineStarter(engine).subscriber().inside(), keeper.subscriber()], [])
    try:
        yield
    finally:
        await feed.close()
        await engine.close()


@pytest.fixture
def open_worker(idle: Marketplace, rules: str | None, checks: ConfinedChecks) -> OpenWorker:
    """Runs a worker; each opening in a test takes up what the one before left."""
    return lambda: worker_with(idle, rules, checks)


@pytest.fixture
async def marketplace(idle: Marketplace, open_worker: OpenWorker) -> AsyncIterator[Marketplace]:
    """A marketplace whose worker runs."""
    async with open_worker():
        yield idle


@pytest.fixture
def unused_port() -> int:
    """A port of loopback on which nobody listens."""
    return free_port()
