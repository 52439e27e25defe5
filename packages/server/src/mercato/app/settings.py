"""Settings: the environment is read here, once, and nowhere else."""

import os
import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from mercato.adapters.kafka_address import read_address
from mercato.adapters.mlflow_address import read_address as read_mlflow_address
from mercato.adapters.opensearch_address import read_address as read_search_address
from mercato.adapters.policy_address import read_address as read_policy_address
from mercato.adapters.runpod_places import JOBS_URL, REST_URL, read_places
from mercato.adapters.temporal_address import TemporalAddress
from mercato.adapters.temporal_address import read_address as read_temporal_address
from mercato.app.process_settings import ProcessSettings

_ABOVE = 100
_HIGHEST_PORT = 65_535


class Settings(ProcessSettings):
    """Every setting of the control plane, from `MERCATO_…` and `DATABASE_URL`."""

    objects_url: str | None = Field(
        default=None,
        pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9][a-z0-9._-]*)*/?$",
        description="`s3://bucket/prefix` for files (data, models); a folder of the state when not set. Credentials: "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role",
    )
    events_url: SecretStr | None = Field(
        default=None,
        description="Where systems outside hear of submissions, releases, subscriptions, alerts and calls: "
        "`kafka://host:9092,host:9092/prefix`, `kafka+ssl://user:password@host:9093/prefix` (SCRAM-SHA-512), or `file` "
        "for files in the state; events stay inside when not set",
    )
    search_url: SecretStr | None = Field(
        default=None,
        description="OpenSearch 2.13+ with k-NN, whose index all processes share and the worker feeds: "
        "`http[s]://[user:password@]host:9200[,host:9200][/prefix]`; each process has its own when not set",
    )
    embedding_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Endpoint that speaks OpenAI's embeddings, without `/embeddings`: `https://api.openai.com/v1`; "
        "MiniLM runs in each process when not set",
    )
    embedding_key: SecretStr | None = Field(
        default=None, description="The key that the embedding endpoint asks for, sent over TLS or to this machine only"
    )
    embedding_model: str = Field(default="", max_length=200, description="The model of the embedding endpoint")
    embedding_dimensions: int = Field(
        default=384, ge=2, le=4096, description="The length of the vectors that the embedding endpoint gives"
    )
    search_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority of OpenSearch's certificate; the system's authorities when not set",
    )
    mlflow_url: SecretStr | None = Field(
        default=None,
        description="MLflow 3, whose model registry the worker keeps as the catalogue of public services is: "
        "`http[s]://[user:password@]host[:port][/path]`; nothing is registered outside when not set",
    )
    mlflow_token: SecretStr | None = Field(
        default=None, description="What MLflow is shown as `Authorization: Bearer`, instead of user and password"
    )
    mlflow_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority of MLflow's certificate; the system's authorities when not set",
    )
    mlflow_prefix: str = Field(
        default="mercato",
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="What the names of models in MLflow begin with: `prefix.vendor.service`",
    )
    workflows_url: str | None = Field(
        default=None,
        description="Temporal, which then runs the durable workflows: `temporal://host:7233/namespace`, or "
        "`temporal+tls://…`; a namespace of the marketplace's own. PostgreSQL does when not set",
    )
    workflows_ca: Path | None = Field(
        default=None, description="PEM file of the authority of Temporal's certificate; the system's when not set"
    )
    workflows_cert: Path | None = Field(
        default=None, description="PEM file of the certificate that Temporal asks its clients for"
    )
    workflows_key: Path | None = Field(default=None, description="PEM file of that certificate's key")
    workflows_api_key: SecretStr | None = Field(
        default=None, description="The API key that Temporal asks its clients for, over TLS"
    )
    s3_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+/?$",
        description="The address of a server that speaks S3; Amazon's when not set",
    )
    s3_region: str = Field(default="us-east-1", description="The region of the bucket")
    tls_cert: Path | None = Field(
        default=None, description="PEM file of the certificate and its chain: the public port then speaks TLS 1.3 only"
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of its key; both files are read again within a minute of a change"
    )
    gateway_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority of the gateway's certificate, for trying services in the console; not "
        "needed for a public authority, nor where `MERCATO_TLS_CERT` is the gateway's too",
    )
    client_ca: Path | None = Field(
        default=None,
        description="PEM file of authorities: the internal port then speaks TLS too, and gateways and Prometheus must "
        "show a certificate of one of them",
    )
    allow_private_endpoints: bool = Field(
        default=False,
        description="Whether endpoints, webhooks and identity providers may have private addresses, the latter two "
        "then plain http too",
    )
    policy_file: Path | None = Field(
        default=None,
        description="Cedar rules that decide which releases need people; those that come along when not set",
    )
    policy_url: str | None = Field(
        default=None,
        description="A policy engine that decides instead: `grpc://host:port`, or `grpcs://host:port` with TLS; its "
        "contract is `packages/contracts/proto`, and without its decision nothing is released",
    )
    policy_ca: Path | None = Field(
        default=None,
        description="PEM file of the authority of the policy engine's certificate; the system's when not set",
    )
    approval_target_hours: int = Field(
        default=24, ge=1, le=8_760, description="After how many hours a submission that waits for people is late"
    )
    take_rate_bp: int = Field(
        default=1000, ge=0, le=10_000, description="The marketplace's share of what consumers pay, in basis points"
    )
    local_nanos_per_hour: int = Field(
        default=50_000_000, ge=0, description="What an hour of training on this machine costs, in nano-dollars"
    )
    runpod_api_key: SecretStr | None = Field(
        default=None, description="The operator's RunPod key; training on RunPod is offered where it is set"
    )
    runpod_endpoints: str = Field(
        default="",
        description="Queue endpoints by GPU, each with what an hour costs: "
        "`cpu=ENDPOINT@DOLLARS,L4=ENDPOINT@DOLLARS`; `cpu` is for runs that name no GPU",
    )
    runpod_jobs_url: str = Field(
        default=JOBS_URL,
        pattern=r"^https?://[^\s?#]+$",
        description="Where RunPod takes jobs, or a proxy in front of it",
    )
    runpod_rest_url: str = Field(
        default=REST_URL, pattern=r"^https?://[^\s?#]+$", description="RunPod's REST API, or a proxy in front of it"
    )
    sample_data: bool = Field(
        default=False,
        description="Whether a round of the sample dataset (`us-equities-daily`) is kept open, for trying out",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="`smtp[s]://[user:password@]host[:port]` of the server that sends letters (invitations, new "
        "passwords); files in `mail/` of the state when not set",
    )
    mail_from: str = Field(
        default="Mercato <mercato@localhost>",
        pattern=r"^[^\r\n<>@]*<?[^\s<>@]+@[^\s<>@]+>?$",
        description="The sender of letters",
    )
    backup_recipient: str | None = Field(
        default=None,
        pattern=r"^age1[0-9a-z]{58}$",
        description="For whom `mercato backup` encrypts: the public half of a key made by `mercato backup --make-key`",
    )
    otlp_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="The collector of traces, `http[s]://host:4318` (OTLP over HTTP, JSON), without user and password; "
        "nothing is traced when not set",
    )
    trace_ratio: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The share of calls and requests that are traced; failures are in any case",
    )
    trace_vendors: bool = Field(
        default=False, description="Whether vendors' services get the trace id of traced calls, as `traceparent`"
    )
    health_urls: str = Field(
        default="",
        pattern=r"^([a-z]+=https?://[^\s/,?#]+(,[a-z]+=https?://[^\s/,?#]+)*)?$",
        description="Where the probes of health find what does not run on this machine's usual ports: "
        "`gateway=http://10.0.0.5:9180,worker=http://10.0.0.6:3005`; a role may be named several times, once a replica",
    )
    log_level: str = Field(
        default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    @field_validator("runpod_endpoints")
    @classmethod
    def _places_are_read(cls, value: str) -> str:
        read_places(value)
        return value

    @field_validator("events_url")
    @classmethod
    def _bus_is_named(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and url.get_secret_value() != "file":
            read_address(url.get_secret_value())
        return url

    @field_validator("search_url")
    @classmethod
    def _search_engine_is_named(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            read_search_address(url.get_secret_value())
        return url

    @field_validator("mlflow_url")
    @classmethod
    def _model_registry_is_named(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            read_mlflow_address(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _embeddings_are_named(self) -> "Settings":
        if self.embedding_url is None:
            return self
        if not self.embedding_model:
            raise ValueError("MERCATO_EMBEDDING_URL needs MERCATO_EMBEDDING_MODEL, the model to ask for")
        parts = urlsplit(self.embedding_url)
        if self.embedding_key and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("MERCATO_EMBEDDING_KEY goes over TLS only: write https:// in MERCATO_EMBEDDING_URL")
        return self

    @field_validator("policy_url")
    @classmethod
    def _policy_engine_is_named(cls, url: str | None) -> str | None:
        if url is not None:
            read_policy_address(url)
        return url

    @model_validator(mode="after")
    def _workflow_engine_is_named(self) -> Self:
        _ = self.temporal
        return self

    @field_validator("smtp_url")
    @classmethod
    def _mail_server_is_named(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not re.fullmatch(r"smtps?://([^\s/@]+@)?[^\s/@:]+(:\d{1,5})?/?", url.get_secret_value()):
            raise ValueError("write smtp://host:port or smtps://user:password@host")
        return url

    def to_environment(self) -> dict[str, str]:
        """This process's environment with these settings, for a child that shall have the same."""
        given = self.model_dump(exclude_none=True)
        given["state"] = self.state.absolute()
        url = given.pop("database_url", None)
        for name, value in given.items():
            if isinstance(value, SecretStr):
                given[name] = value.get_secret_value()
        own = {f"MERCATO_{name.upper()}": str(value) for name, value in given.items()}
        return {**os.environ, **own, **({} if url is None else {"DATABASE_URL": url})}

    @property
    def direct_url(self) -> str | None:
        """PostgreSQL itself, for what needs a session of its own; `None` where it is embedded."""
        return self.database_direct_url or self.database_url

    @property
    def pooled_url(self) -> str | None:
        """The pooler that transactions go through, if there is one."""
        return None if self.database_direct_url is None else self.database_url

    @property
    def client_url(self) -> str:
        """Where clients reach the control API, without a closing slash."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """What the public ports of control plane and gateway speak."""
        return "http" if self.tls_cert is None else "https"

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Name and prefix of the bucket for files; `None` where a folder is used."""
        if self.objects_url is None:
            return None
        name, _, prefix = self.objects_url.removeprefix("s3://").rstrip("/").partition("/")
        return name, prefix

    @property
    def temporal(self) -> TemporalAddress | None:
        """Where Temporal is; `None` where PostgreSQL runs the durable workflows. Raises `ValueError`."""
        files = {"ca": self.workflows_ca, "cert": self.workflows_cert, "key": self.workflows_key}
        api_key = None if self.workflows_api_key is None else self.workflows_api_key.get_secret_value()
        if self.workflows_url is None:
            return None
        return read_temporal_address(self.workflows_url, **files, api_key=api_key)


def internal_port_of(settings: Settings, port: int) -> int:
    """The internal port of a control plane that listens on `port`."""
    if settings.internal_port is not None:
        return settings.internal_port
    return port + _ABOVE if port + _ABOVE <= _HIGHEST_PORT else port - _ABOVE
