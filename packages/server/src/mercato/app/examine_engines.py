"""What `mercato doctor` asks the engines that are configured: do they answer, let us in, and fit."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mercato.adapters.kafka_address import read_address
from mercato.app.engines import build_embedder
from mercato.app.finding import Finding
from mercato.app.settings import Settings
from mercato.app.usable import require_usable
from mercato.platform import mask

if TYPE_CHECKING:
    from mercato.adapters.embedder_endpoint import EndpointEmbedder

_SECONDS = 8.0
_OLDEST_REDIS = 7
_SOON = timedelta(days=21)
_REMEMBERED = timedelta(days=30)


def engines(settings: Settings) -> Iterator[Finding]:
    """Every engine that a setting names, and the files of TLS."""
    for examine in _EXAMINED:
        yield from examine(settings)


def _first_line(error: BaseException) -> str:
    """Its first line, without secrets."""
    text = str(error).strip() or type(error).__name__
    return mask(text.splitlines()[0])[:300]


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        return
    import redis

    fix = "Check MERCATO_REDIS_URL (`redis://[user:password@]host:port/number`, `rediss://` with TLS) and the server."
    try:
        version, policy = asyncio.run(_ask_redis(settings.redis_url))
    except redis.AuthenticationError as error:
        yield Finding("redis", "fail", f"does not let us in: {_first_line(error)}", f"Correct user and password. {fix}")
    except (redis.RedisError, ValueError, TimeoutError, OSError) as error:
        yield Finding("redis", "fail", f"does not answer: {_first_line(error)}", fix)
    else:
        yield redis_fits(version, policy)


async def _ask_redis(url: str) -> tuple[str, str]:
    """Its version, and what it does when its memory is full; where Sentinels name the primary, of that."""
    from mercato.adapters.counters_redis import connect

    async with asyncio.timeout(3 * _SECONDS), connect(url) as client:
        info = await client.info()
        policy = (await client.config_get("maxmemory-policy")).get("maxmemory-policy", "")
    return str(info["redis_version"]), str(policy)


def redis_fits(version: str, policy: str) -> Finding:
    """Of a server that answers: its version, and what it does when its memory is full."""
    if int(version.split(".")[0]) < _OLDEST_REDIS:
        return Finding(
            "redis", "fail", f"{version} answers", f"Move MERCATO_REDIS_URL to Redis {_OLDEST_REDIS} or newer."
        )
    if policy not in ("", "noeviction"):
        fix = "Set `maxmemory-policy noeviction` there: a figure that is evicted is counted anew from PostgreSQL."
        return Finding("redis", "warn", f"{version} may evict what it counts ({policy})", fix)
    return Finding("redis", "ok", f"{version} answers")


def _kafka(settings: Settings) -> Iterator[Finding]:
    if settings.events_url is None:
        return
    address = settings.events_url.get_secret_value()
    if address == "file":
        yield Finding("events", "ok", f"files in {settings.state / 'events'}")
        return
    try:
        from mercato.adapters.events_kafka import KafkaBus
    except ImportError:
        yield Finding("events", "fail", "the client of Kafka is missing", "Install mercato-server[kafka] here.")
        return
    from mercato.bus import BusRefused, BusUnavailable

    place = read_address(address)
    try:
        found = KafkaBus(place).look(_SECONDS)
    except BusRefused as error:
        fix = "Correct user and password in MERCATO_EVENTS_URL, `kafka+ssl://` for TLS, or the account's rights."
        yield Finding("events", "fail", f"does not let us in: {_first_line(error)}", fix)
    except BusUnavailable as error:
        fix = "Check the hosts of MERCATO_EVENTS_URL, the network, and the brokers' advertised addresses."
        yield Finding("events", "fail", f"does not answer: {_first_line(error)}", fix)
    else:
        yield Finding("events", "ok", f"Kafka at {place.servers} answers: {found}")


def _search(settings: Settings) -> Iterator[Finding]:
    if settings.search_url is None:
        return
    from mercato.adapters.opensearch_address import read_address as read_search_address
    from mercato.discovery import IndexRefused, IndexUnavailable

    place = read_search_address(settings.search_url.get_secret_value())
    fix = "Check MERCATO_SEARCH_URL (`http[s]://[user:password@]host:9200/prefix`), MERCATO_SEARCH_CA and the cluster."
    try:
        found = asyncio.run(_look_at_search(settings))
    except IndexRefused as error:
        fix = f"Correct user, password and their rights, the version, or the k-NN plugin. {fix}"
        yield Finding("search", "fail", _first_line(error), fix)
    except (IndexUnavailable, OSError) as error:
        yield Finding("search", "fail", _first_line(error), fix)
    else:
        yield Finding("search", "ok", f"OpenSearch {found} at {place.shown} answers")


async def _look_at_search(settings: Settings) -> str:
    from mercato.adapters.opensearch_address import read_address as read_search_address
    from mercato.adapters.search_opensearch import OpenSearchClient

    assert settings.search_url is not None
    client = OpenSearchClient(read_search_address(settings.search_url.get_secret_value()), settings.search_ca)
    try:
        return await client.examine()
    finally:
        await client.close()


def _registry(settings: Settings) -> Iterator[Finding]:
    if settings.mlflow_url is None:
        return
    from mercato.registry import RegistryUnavailable

    fix = (
        "Check MERCATO_MLFLOW_URL (`http[s]://[user:password@]host:5000[/path]`), MERCATO_MLFLOW_TOKEN, "
        "MERCATO_MLFLOW_CA and the server."
    )
    try:
        version = asyncio.run(_look_at_registry(settings))
    except (RegistryUnavailable, OSError) as error:
        yield Finding("registry", "fail", _first_line(error), fix)
    else:
        yield Finding("registry", "ok", f"MLflow {version} answers")


async def _look_at_registry(settings: Settings) -> str:
    from mercato.app.engines import build_registry

    registry = build_registry(settings)
    assert registry is not None
    try:
        return await registry.examine()
    finally:
        await registry.close()


def _embedding(settings: Settings) -> Iterator[Finding]:
    if settings.embedding_url is None:
        return
    from mercato.adapters.embedder_endpoint import EmbeddingEndpointAway, EndpointEmbedder

    embedder = build_embedder(settings)
    assert isinstance(embedder, EndpointEmbedder)
    fix = "Check MERCATO_EMBEDDING_URL, and MERCATO_EMBEDDING_MODEL, _KEY and _DIMENSIONS."
    try:
        asyncio.run(_embed_once(embedder))
    except EmbeddingEndpointAway as error:
        yield Finding("embedding", "fail", error.detail, f"Until then search goes by words only. {fix}")
    else:
        yield Finding("embedding", "ok", f"{embedder.name} gives vectors of {embedder.dimensions} numbers")


async def _embed_once(embedder: "EndpointEmbedder") -> None:
    try:
        await embedder.embed(["a word of mercato doctor"])
    finally:
        await embedder.aclose()


def _policy(settings: Settings) -> Iterator[Finding]:
    if settings.policy_url is None:
        return
    try:
        from mercato.adapters.policy_grpc import GrpcPolicy, PolicyAway
    except ImportError:
        yield Finding("policy", "fail", "the client of gRPC is missing", "Install mercato-server[policy] here.")
        return
    from mercato.adapters.policy_address import read_address as read_policy_address
    from mercato.publishing import ReleaseFacts

    # Errors are forbidden by any sensible rules: the question has no consequence, whatever the engine notes of it.
    facts = ReleaseFacts(
        vendor_verified=False, vendor_suspended=True, earlier_releases=0, protocol="openapi", task="other",
        licence="", paths="published", errors=1, warnings=0, codes=frozenset(), breaking=False, monthly_nanos=0,
        per_call_nanos=0, per_1k_tokens_nanos=0, p95_ms=0,
    )  # fmt: skip
    fix = "Check MERCATO_POLICY_URL (`grpc://host:port`, `grpcs://` with TLS), MERCATO_POLICY_CA and the engine."
    try:
        policy = GrpcPolicy(read_policy_address(settings.policy_url), settings.policy_ca)
        asyncio.run(policy.ask("mercato-doctor", "mercato-doctor/nothing@0.0.0", facts))
    except (PolicyAway, OSError) as error:
        yield Finding("policy", "fail", _first_line(error), f"Until it decides, every release is forbidden. {fix}")
    else:
        yield Finding("policy", "ok", f"the engine at {settings.policy_url} decides")


def _workflows(settings: Settings) -> Iterator[Finding]:
    place = settings.temporal
    if place is None:
        return
    try:
        from mercato.adapters.workflows_temporal import TemporalConnection
    except ImportError:
        yield Finding(
            "workflows", "fail", "the client of Temporal is missing", "Install mercato-server[temporal] here."
        )
        return
    from mercato.platform import WorkflowsAway, WorkflowsRefused

    try:
        version, kept_for = asyncio.run(TemporalConnection(place, "mercato-doctor").examine())
    except WorkflowsRefused as error:
        fix = (
            "Correct the namespace in MERCATO_WORKFLOWS_URL (`temporal operator namespace create` makes one), "
            "MERCATO_WORKFLOWS_API_KEY, or MERCATO_WORKFLOWS_CERT and its rights."
        )
        yield Finding("workflows", "fail", _first_line(error), fix)
    except (WorkflowsAway, OSError) as error:
        fix = (
            "Check MERCATO_WORKFLOWS_URL (`temporal://host:7233/namespace`, `temporal+tls://` with TLS), "
            "MERCATO_WORKFLOWS_CA, the network and the server. Until it answers, what is to be started waits."
        )
        yield Finding("workflows", "fail", _first_line(error), fix)
    else:
        yield temporal_fits(place.shown, version, kept_for)


def temporal_fits(shown: str, version: str, kept_for: timedelta) -> Finding:
    """Of a server that answers: for how long it remembers workflows that have ended."""
    found = f"Temporal {version} at {shown} answers, and remembers ended workflows for {kept_for.days} days"
    if kept_for < _REMEMBERED:
        fix = (
            f"Raise the namespace's retention to {_REMEMBERED.days} days or more: what is forgotten is not listed and "
            "cannot be retried."
        )
        return Finding("workflows", "warn", found, fix)
    return Finding("workflows", "ok", found)


def _objects(settings: Settings) -> Iterator[Finding]:
    if settings.bucket is None:
        return
    from mercato.adapters.objects_s3 import Bucket, S3Objects

    name = settings.bucket[0]
    where = settings.s3_endpoint or f"Amazon, {settings.s3_region}"
    try:
        asyncio.run(S3Objects(Bucket(*settings.bucket, settings.s3_endpoint, settings.s3_region)).check())
    except ConnectionError as error:
        fix = (
            "Check MERCATO_OBJECTS_URL (the bucket must exist), MERCATO_S3_ENDPOINT, MERCATO_S3_REGION, and "
            "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY or the machine's role."
        )
        yield Finding("objects", "fail", f"bucket {name} at {where} cannot be read: {_first_line(error)}", fix)
    else:
        yield Finding("objects", "ok", f"bucket {name} at {where} answers")


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_url is None:
        return
    from mercato.adapters.mail import SmtpMail
    from mercato.platform import MailRefused, SystemClock

    url = settings.smtp_url.get_secret_value()
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    try:
        asyncio.run(SmtpMail(url, settings.mail_from, SystemClock()).check())
    except MailRefused as error:
        yield Finding(
            "mail",
            "fail",
            f"{where} does not let us in: {_first_line(error)}",
            "Correct user and password in MERCATO_SMTP_URL.",
        )
    except (OSError, ValueError) as error:
        fix = "Check MERCATO_SMTP_URL: host, port, `smtps://` for TLS from the start; a password needs STARTTLS."
        yield Finding("mail", "fail", f"{where} cannot be used: {_first_line(error)}", fix)
    else:
        yield Finding("mail", "ok", f"{where} takes letters")


def _collector(settings: Settings) -> Iterator[Finding]:
    if settings.otlp_url is None:
        return
    from mercato_contracts.otlp import CollectorAway, CollectorRefused, try_collector

    try:
        try_collector(settings.otlp_url)
    except (CollectorAway, CollectorRefused) as error:
        fix = "Check MERCATO_OTLP_URL: the base address of a collector of OTLP over HTTP in JSON, often port 4318."
        yield Finding("traces", "warn", f"the collector takes no spans: {_first_line(error)}", fix)
    else:
        yield Finding("traces", "ok", f"the collector at {settings.otlp_url} answers")


def _certificate(settings: Settings) -> Iterator[Finding]:
    if settings.tls_cert is None and settings.tls_key is None and settings.client_ca is None:
        return
    from mercato_contracts.server_tls import TlsFilesWrong, server_tls

    try:
        tls = server_tls(settings.tls_cert, settings.tls_key, settings.client_ca)
    except TlsFilesWrong as error:
        fix = (
            "Set MERCATO_TLS_CERT (with its chain), MERCATO_TLS_KEY (of that certificate) and MERCATO_CLIENT_CA in PEM."
        )
        yield Finding("tls", "fail", _first_line(error), fix)
        return
    assert tls is not None
    yield _expiry("MERCATO_TLS_CERT", settings.tls_cert, tls.expires_at)
    if settings.client_ca is not None:
        from mercato_contracts.server_tls import not_after

        yield _expiry("MERCATO_CLIENT_CA", settings.client_ca, not_after(settings.client_ca.read_text()))


def _expiry(name: str, path: Path | None, expires_at: datetime) -> Finding:
    left = expires_at - datetime.now(UTC)
    found = f"{path} expires {expires_at:%Y-%m-%d}"
    if left <= timedelta(0):
        return Finding(
            "tls",
            "fail",
            f"{path} expired {expires_at:%Y-%m-%d %H:%M} UTC",
            f"Renew the file of {name}; it is read again without a restart.",
        )
    if left < _SOON:
        return Finding("tls", "warn", f"{found}, in {left.days} days", f"Renew the file of {name}.")
    return Finding("tls", "ok", found)


def _late_settings(settings: Settings) -> Iterator[Finding]:
    import click

    try:
        require_usable(settings.model_copy(update={"tls_cert": None, "tls_key": None, "client_ca": None}))
    except click.ClickException as error:
        yield Finding("settings", "fail", error.message, "Correct it; processes do not start with it.")


_EXAMINED = (
    _redis, _kafka, _search, _embedding, _registry, _policy, _workflows, _objects, _mail, _collector, _certificate,
    _late_settings,
)  # fmt: skip
