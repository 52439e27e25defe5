"""Which engine stands behind each port: one function a port. An engine is imported only where it is chosen."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mercato.app.settings import Settings
from mercato.platform import (
    Clock,
    Database,
    Ids,
    KeyWrapper,
    Mail,
    MarketplaceSecret,
    ObjectStore,
    Purpose,
    Session,
    Workflow,
    WorkflowRecords,
    Workflows,
    derive_key,
)

if TYPE_CHECKING:
    from mercato.adapters.ring_file import RingFile
    from mercato.bus import EventBus
    from mercato.discovery import Embedder, KeptIndex, SharedIndex
    from mercato.metering import Counters
    from mercato.publishing import PolicyEngine
    from mercato.registry import Registry
    from mercato.training import ClaimLinks, Provider


def build_ring_file(settings: Settings) -> "RingFile":
    """The file of the marketplace's keys."""
    from mercato.adapters.ring_file import RingFile

    return RingFile(settings.signing_key_file, None if settings.kms is None else build_kms(settings.kms))


def build_kms(reference: str) -> KeyWrapper:
    """The KMS that `MERCATO_KMS` names."""
    from mercato.adapters.kms_file import FileKms

    return FileKms(Path(reference.removeprefix("file:")))


def build_objects(settings: Settings, clock: Clock, secret: MarketplaceSecret) -> ObjectStore:
    """The store of files: the bucket of `MERCATO_OBJECTS_URL`, or a folder of the state."""
    from mercato.adapters.objects_folder import LocalFolder
    from mercato.adapters.signed_links import SignedLinks

    place = settings.bucket
    if place is not None:
        from mercato.adapters.objects_s3 import Bucket, S3Objects  # 3 MB, which most marketplaces need not hold

        return S3Objects(Bucket(*place, settings.s3_endpoint, settings.s3_region))
    links = SignedLinks(secret, clock)
    return LocalFolder(settings.state / "objects", links, settings.client_url)


def build_counters(
    settings: Settings, clock: Clock, ids: Ids
) -> "tuple[Callable[[Session], Counters], Callable[[], Awaitable[None]] | None]":
    """The counted scopes within a transaction, and what closes their engine: Redis of `MERCATO_REDIS_URL`, or none."""
    if settings.redis_url is None:
        from mercato.adapters.counters_postgres import PostgresCounters

        return lambda session: PostgresCounters(session, clock, ids), None
    # Its client costs 18 MB, which most marketplaces need not hold.
    from mercato.adapters.counters_redis import RedisCounters, connect

    redis = connect(settings.redis_url)
    return lambda session: RedisCounters(session, redis, clock, ids), redis.aclose


def build_providers(settings: Settings, objects: ObjectStore, claims: "ClaimLinks") -> "dict[str, Provider]":
    """Where training runs: on this machine, and on RunPod where the operator has a key and endpoints."""
    from mercato.adapters.training_local import LocalProvider
    from mercato.adapters.training_runpod import RunPodClient, RunPodProvider, read_places

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


def build_mail(settings: Settings, clock: Clock) -> Mail:
    """What sends letters: the server of `MERCATO_SMTP_URL`, or files in a folder of the state."""
    from mercato.adapters.mail import FolderMail, SmtpMail

    if settings.smtp_url is None:
        return FolderMail(settings.state / "mail", settings.mail_from, clock)
    return SmtpMail(settings.smtp_url.get_secret_value(), settings.mail_from, clock)


def build_bus(settings: Settings) -> "EventBus | None":
    """What carries events to systems outside: Kafka or files by `MERCATO_EVENTS_URL`, or none.

    Raises `ValueError` where the address cannot be read.
    """
    if settings.events_url is None:
        return None
    address = settings.events_url.get_secret_value()
    if address == "file":
        from mercato.adapters.events_folder import FolderBus

        return FolderBus(settings.state / "events")
    from mercato.adapters.events_kafka import KafkaBus  # librdkafka is 12 MB
    from mercato.adapters.kafka_address import read_address

    return KafkaBus(read_address(address))


def build_registry(settings: Settings) -> "Registry | None":
    """What holds models for systems outside: MLflow of `MERCATO_MLFLOW_URL`, or none.

    Raises `ValueError` where the address cannot be read, and `OSError` where the file of the authority cannot.
    """
    if settings.mlflow_url is None:
        return None
    from mercato.adapters.mlflow_address import read_address
    from mercato.adapters.registry_mlflow import MlflowClient, MlflowRegistry

    token = None if settings.mlflow_token is None else settings.mlflow_token.get_secret_value()
    client = MlflowClient(read_address(settings.mlflow_url.get_secret_value()), token, settings.mlflow_ca)
    # This secret never changes, so what was made once stays ours.
    marketplace = derive_key(settings.data_key, Purpose.MARKETPLACE_ID).hex()[:16]
    return MlflowRegistry(client, prefix=settings.mlflow_prefix, marketplace=marketplace)


def build_policy(settings: Settings) -> "PolicyEngine":
    """What decides about releases: the engine of `MERCATO_POLICY_URL`, or Cedar rules in this process.

    Raises `OSError` where a file cannot be read and `BrokenPolicy` for rules that cannot be used.
    """
    if settings.policy_url is not None:
        from mercato.adapters.policy_address import read_address
        from mercato.adapters.policy_grpc import GrpcPolicy  # gRPC takes 20 MB

        return GrpcPolicy(read_address(settings.policy_url), settings.policy_ca)
    from mercato.adapters.policy_cedar import CedarPolicy

    return CedarPolicy(settings.policy_file.read_text() if settings.policy_file else None)


def build_workflows(
    settings: Settings, database: Database, workflows: Sequence[Workflow], *, executor: str, version: str
) -> Workflows:
    """What runs durable workflows: Temporal of `MERCATO_WORKFLOWS_URL`, or DBOS in the database."""
    if settings.temporal is not None:
        from mercato.adapters.workflows_temporal import TemporalWorkflows  # its client takes 35 MB

        return TemporalWorkflows(settings.temporal, workflows, executor=executor, version=version)
    from mercato.adapters.workflows_dbos import DbosWorkflows

    return DbosWorkflows(database.url, workflows, executor=executor, version=version)


def build_workflow_records(settings: Settings, database: Database) -> WorkflowRecords:
    """What `build_workflows` chose has these records, for every process."""
    if settings.temporal is not None:
        from mercato.adapters.workflows_temporal import TemporalConnection, TemporalRecords

        return TemporalRecords(TemporalConnection(settings.temporal, "records"))
    from mercato.adapters.dbos_records import DbosRecords

    return DbosRecords(database)


def build_embedder(settings: Settings) -> "Embedder":
    """What turns words into vectors: the endpoint of `MERCATO_EMBEDDING_URL`, or MiniLM in this process."""
    if settings.embedding_url is not None:
        from mercato.adapters.embedder_endpoint import EndpointEmbedder

        key = settings.embedding_key
        return EndpointEmbedder(
            settings.embedding_url,
            settings.embedding_model,
            settings.embedding_dimensions,
            None if key is None else key.get_secret_value(),
        )
    from mercato.adapters.embedder_minilm import MiniLmEmbedder

    return MiniLmEmbedder()


def build_search_index(folder: Path, dimensions: int) -> "KeptIndex":
    """The index of this machine, in a folder of its processes' state."""
    from mercato.adapters.search_embedded import KeptSearchIndex

    return KeptSearchIndex(folder, dimensions=dimensions)


def build_shared_index(settings: Settings) -> "Callable[[int], SharedIndex] | None":
    """Makes the client of the index that all processes share, for vectors of this length; none without
    `MERCATO_SEARCH_URL`.

    Raises `ValueError` where the address cannot be read.
    """
    if settings.search_url is None:
        return None
    from mercato.adapters.opensearch_address import read_address

    address, authority = read_address(settings.search_url.get_secret_value()), settings.search_ca

    def build(dimensions: int) -> "SharedIndex":
        from mercato.adapters.search_opensearch import OpenSearchClient, OpenSearchIndex

        return OpenSearchIndex(OpenSearchClient(address, authority), address.prefix, dimensions=dimensions)

    return build


def build_pings(settings: Settings) -> dict[str, Callable[[], Awaitable[None]]]:
    """What asks engines beyond this machine whether they answer, by their names; each raises when its engine does not.

    The bucket is asked without credentials, which costs nothing: any answer of the server will do.
    """
    pings: dict[str, Callable[[], Awaitable[None]]] = {}
    if settings.redis_url is not None:
        from mercato.adapters.counters_redis import connect

        redis = connect(settings.redis_url)

        async def ping_redis() -> None:
            await redis.ping()

        pings["redis"] = ping_redis
    if settings.bucket is not None:
        url = settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com"

        async def ping_store() -> None:
            import httpx

            async with httpx.AsyncClient(timeout=4, trust_env=False) as client:
                await client.head(url)

        pings["objects"] = ping_store
    if settings.temporal is not None:
        from mercato.adapters.workflows_temporal import TemporalConnection

        temporal = TemporalConnection(settings.temporal, "health")

        async def ping_temporal() -> None:
            await temporal.examine()

        pings["workflows"] = ping_temporal
    return pings
