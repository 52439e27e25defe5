"""The worker's process: durable workflows, the outbox's durable readers, what is done at set times."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.admin import (
    AnalyticsWork,
    AuditRecorder,
    AuditSealer,
    ErasureWork,
    ExportWork,
    SuspensionKeeper,
    WorkflowOrders,
    erasure_starter,
    export_starter,
    keep_figures,
)
from mercato.app.engines import build_bus, build_policy, build_registry, build_workflows
from mercato.app.housekeeping import Deadlines, keep_house
from mercato.app.memory import calm_collector
from mercato.app.moving_workflows import move_unfinished
from mercato.app.places import with_probes
from mercato.app.probes import worker_probing
from mercato.app.settings import Settings
from mercato.app.tracing import with_tracer
from mercato.app.wiring import build_wiring
from mercato.billing import fee_subscriber
from mercato.bus import BusPublisher, forget_publisher
from mercato.discovery import (
    SAVED_SEARCH_LETTER,
    DocumentWriter,
    Embedder,
    FitLetters,
    IndexFeeder,
    Reembedding,
    forget_feeder,
)
from mercato.edge.wiring import Wiring
from mercato.platform import DurableSubscriber, OutboxFeed, OutsideSubscriber, Workflows, follow_outside, time_kept
from mercato.publishing import LiveCalls, Pipeline, PipelineStarter
from mercato.registry import ModelReader, RegistryFeeder, forget_registry_feeder
from mercato.signals import KillKeeper, RoundSettling, settling_starter
from mercato.training import TrainingWork, training_starter
from mercato.webhooks import Deliverer, webhook_subscriber
from mercato_checks.confined import ConfinedChecks

if TYPE_CHECKING:
    from mercato.adapters.workflows_dbos import DbosWorkflows

log = structlog.get_logger(__name__)

WORKFLOWS_VERSION = "1"
"""Raised only when a workflow calls other steps, or the same ones in another order.

What an older version left unfinished is then started anew: every step runs again, endpoints are called again. Better,
keep the names of steps and their order, and records from before an upgrade fit. Tests that kill workers pin the names.
"""


async def run_worker(
    settings: Settings, database_url: str, stop: asyncio.Event, ready: asyncio.Event, *, port: int
) -> None:
    """Work until `stop` is set; another worker, or the next start, goes on with what is in hand then. Sets `ready`
    once it works.

    `port` names this worker on its machine: the same at each of its starts, and no other worker's there.
    """
    wiring = with_tracer(with_probes(build_wiring(settings, database_url), settings), settings, "mercato-worker")
    is_embedded = _is_embedded(settings, database_url)
    executor = f"worker-{port}" if is_embedded else f"worker-{socket.gethostname()}-{port}"
    async with ConfinedChecks() as checks:
        workflows = _workflows(settings, wiring, checks, executor)
        # An embedded database has one worker, which takes up at its next start what it left.
        present = nullcontext() if is_embedded else _present(wiring, workflows, executor)
        async with (
            present,
            time_kept(wiring.clock, wiring.database),
            _open(workflows, wiring, settings),
            _figures(wiring, settings, is_embedded=is_embedded),
        ):
            calm_collector()
            ready.set()
            log.info("worker is ready", executor=executor)
            await stop.wait()
    await wiring.close()


def _present(wiring: Wiring, workflows: Workflows, executor: str) -> AbstractAsyncContextManager[None]:
    """Entered before the workflows are opened and left once they are closed. Temporal knows by itself who lives."""
    from mercato.adapters.workflows_dbos import DbosWorkflows

    return _kept_present(wiring, workflows, executor) if isinstance(workflows, DbosWorkflows) else nullcontext()


@asynccontextmanager
async def _kept_present(wiring: Wiring, workflows: "DbosWorkflows", executor: str) -> AsyncIterator[None]:
    from mercato.adapters.dbos_presence import WorkerPresence

    presence = WorkerPresence(wiring.database, workflows, executor=executor, version=WORKFLOWS_VERSION)
    await presence.arrive()
    looking = asyncio.create_task(presence.run(), name="presence")
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        # A database that is away at this moment: the others see by themselves that this worker is gone.
        with suppress(SQLAlchemyError, OSError):
            await presence.leave()


def _is_embedded(settings: Settings, database_url: str) -> bool:
    """`mercato up` hands its own server's URL to the worker, which the settings alone do not tell from another's."""
    return EmbeddedPostgres(settings.state / "postgres").find_running() == database_url


@asynccontextmanager
async def _figures(wiring: Wiring, settings: Settings, *, is_embedded: bool) -> AsyncIterator[None]:
    """Keeps what `/metrics` says of the marketplace."""
    keeping = keep_figures(wiring.database, wiring.clock, settings.state, is_embedded=is_embedded)
    task = asyncio.create_task(keeping, name="figures")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _workflows(settings: Settings, wiring: Wiring, checks: ConfinedChecks, executor: str) -> Workflows:
    pipeline = Pipeline(
        wiring.database,
        wiring.clock,
        wiring.ids,
        wiring.outbox,
        LiveCalls(wiring.credential_seal, allow_private=settings.allow_private_endpoints),
        build_policy(settings),
        checks,
    )
    settling = RoundSettling(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.data_key)
    training = TrainingWork(wiring.database, wiring.clock, wiring.outbox, wiring.objects, wiring.providers)
    erasure = ErasureWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.mail)
    export = ExportWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects)
    workflows = [each.workflow() for each in (pipeline, settling, training, erasure, export)]
    return build_workflows(settings, wiring.database, workflows, executor=executor, version=WORKFLOWS_VERSION)


@asynccontextmanager
async def _open(workflows: Workflows, wiring: Wiring, settings: Settings) -> AsyncIterator[None]:
    letters = wiring.post({SAVED_SEARCH_LETTER: FitLetters(wiring.client_url).compose})
    webhooks, deadlines = _deliverer(wiring), Deadlines(wiring)
    embedder = wiring.build_embedder()
    reembedding = Reembedding(wiring.database, wiring.clock, wiring.outbox, embedder)
    feed = OutboxFeed(wiring.database, [webhooks.bell], tracer=wiring.tracer)
    await workflows.open()
    to_seal = asyncio.Event()
    audit = AuditRecorder(wiring.clock, wiring.ids, to_seal)
    askers = _askers(workflows)
    readers = [*_readers(wiring, embedder), letters.subscriber(), audit.subscriber()]
    is_outside = settings.temporal is not None
    inside = [] if is_outside else [each.inside() for each in askers]
    await feed.start([*readers, *inside], [deadlines.subscriber()])
    work: list[asyncio.Task[Any]] = [
        asyncio.create_task(keep_house(wiring, deadlines), name="housekeeping"),
        asyncio.create_task(webhooks.run(), name="webhooks"),
        asyncio.create_task(letters.run(), name="letters"),
        asyncio.create_task(AnalyticsWork(wiring.database, wiring.clock).run(), name="analytics"),
        asyncio.create_task(reembedding.run(), name="vectors of a new model"),
        asyncio.create_task(wiring.follow_secret(), name="the marketplace's keys"),
        asyncio.create_task(_sealer(wiring, to_seal).run(), name="seals of the audit log"),
    ]
    if is_outside:
        work.append(asyncio.create_task(follow_outside(wiring.database, feed, askers), name="starts of workflows"))
        work.append(asyncio.create_task(move_unfinished(wiring.database, workflows), name="unfinished workflows"))
    work += await _feed_outside(settings, wiring, embedder)
    if wiring.health_places is not None:
        probing = worker_probing(wiring, wiring.health_places, [*readers, *askers])
        work.append(asyncio.create_task(probing.run(), name="probes of health"))
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await feed.close()
        await workflows.close()


async def _feed_outside(settings: Settings, wiring: Wiring, embedder: Embedder) -> list[asyncio.Task[None]]:
    """Starts what brings news to systems outside; no news is kept for one that is not set."""
    work: list[asyncio.Task[None]] = []
    bus, registry = build_bus(settings), build_registry(settings)
    if bus is None:
        await forget_publisher(wiring.database)
    else:
        work.append(asyncio.create_task(BusPublisher(wiring.database, wiring.clock, bus).run(), name="bus"))
    if wiring.shared_index is None:
        await forget_feeder(wiring.database)
    else:
        feeder = IndexFeeder(wiring.database, wiring.outbox, wiring.shared_index(embedder.dimensions), embedder)
        work.append(asyncio.create_task(feeder.run(), name="feeder of the search index"))
    if registry is None:
        await forget_registry_feeder(wiring.database)
    else:
        models = RegistryFeeder(wiring.database, registry, ModelReader(wiring.database, wiring.client_url))
        work.append(asyncio.create_task(models.run(), name="feeder of the model registry"))
    return work


def _sealer(wiring: Wiring, to_seal: asyncio.Event) -> AuditSealer:
    return AuditSealer(wiring.database, wiring.clock, wiring.log_key, to_seal)


def _deliverer(wiring: Wiring) -> Deliverer:
    return Deliverer(
        wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.webhook_seal, wiring.webhook_addresses
    )


def _askers(workflows: Workflows) -> list[OutsideSubscriber[Any]]:
    """What asks the engine of workflows for something when something happened."""
    return [
        PipelineStarter(workflows).subscriber(),
        settling_starter(workflows),
        training_starter(workflows),
        erasure_starter(workflows),
        export_starter(workflows),
        WorkflowOrders(workflows).subscriber(),
    ]


def _readers(wiring: Wiring, embedder: Embedder) -> list[DurableSubscriber[Any]]:
    """Everything else that is done once for the whole marketplace when something happened."""
    return [
        *KillKeeper(wiring.clock, wiring.ids, wiring.outbox).subscribers(),
        DocumentWriter(embedder, wiring.clock, wiring.outbox).subscriber(),
        fee_subscriber(wiring.clock, wiring.ids, take_rate_bp=wiring.take_rate_bp),
        webhook_subscriber(wiring.clock, wiring.ids),
        SuspensionKeeper(wiring.clock, wiring.outbox).subscriber(),
    ]
