"""Settings that each process needs: the state, the database, where it listens and is reached, and the kept secrets."""

import os
import secrets
from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mercato_contracts.client_address import read_networks


class ProcessSettings(BaseSettings):
    """What is secret and not given is made at the first start and kept in the state folder, for its owner only."""

    model_config = SettingsConfigDict(env_prefix="MERCATO_", extra="ignore", frozen=True, hide_input_in_errors=True)

    state: Path = Field(default=Path(".mercato"), description="The folder of everything that lasts")
    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        pattern=r"^postgres(ql)?(\+psycopg)?://.+$",
        description="PostgreSQL 15+; embedded when not set",
    )
    database_direct_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?(\+psycopg)?://.+$",
        description="PostgreSQL itself, where `DATABASE_URL` goes through a pooler in transaction mode (PgBouncer): "
        "listeners, locks of leaders, durable workflows and commands go there; `DATABASE_URL` serves all when not set",
    )
    redis_url: str | None = Field(
        default=None,
        pattern=r"^((rediss?|unix)://.+|rediss?\+sentinel://[^/?#]+:\d{1,5}/[^/?#]+(/\d{1,3})?)$",
        description="Redis 7+ that counts what is lent of quotas: `redis[s]://[user:password@]host:port/number`, or "
        "`redis[s]+sentinel://[user:password@]host:port,host:port/service` for the primary that Sentinels name; "
        "PostgreSQL does when not set",
    )
    kms: str | None = Field(
        default=None,
        pattern=r"^file:/.+$",
        description="What wraps the marketplace's keys on disk: `file:/path` of a key (32 bytes in hexadecimal) on "
        "another disk; nothing does when not set. Set it, then run `mercato secrets wrap`",
    )
    host: str = Field(default="127.0.0.1", description="The address that the control plane listens on")
    port: int = Field(default=8000, description="The port of the control API")
    internal_host: str = Field(
        default="127.0.0.1",
        description="The address of the control plane's internal port; one that gateways on other machines reach, and "
        "nobody else",
    )
    internal_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The control plane's port for gateways and metrics, never public; 100 above its port when not set",
    )
    gateway_port: int = Field(default=8080, description="The port of the gateway")
    gateway_workers: int = Field(default=1, ge=1, le=256, description="Gateway processes, one a core")
    gateway_admin_port: int = Field(
        default=9180, description="The port of the gateway's health and metrics; worker N answers on this and N"
    )
    worker_port: int = Field(default=3005, description="The port of the worker's health and metrics")
    control_url: str | None = Field(
        default=None,
        description="Where a gateway finds the control plane, best its internal port, or its replicas with commas "
        "between; this machine's when not set",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Where clients reach the control API (in links to files); this machine's when not set",
    )
    gateway_public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Where clients reach the gateway, as `mp` learns it; the gateway's port on the control API's host "
        "when not set",
    )
    trusted_proxies: str = Field(
        default="",
        description="Proxies in front of the control plane, whose `X-Forwarded-For` or `Forwarded` names the client: "
        "networks such as `10.0.0.0/8,::1`; none when not set, and behind an unnamed proxy all clients count as one",
    )
    cors_origins: str = Field(
        default="",
        pattern=r"^(https?://[^\s/,?#]+(,https?://[^\s/,?#]+)*)?$",
        description="Web sites whose scripts may read the control API, such as `https://a.example,https://b.example`; "
        "none when not set",
    )
    site: Path | None = Field(
        default=None,
        description="The folder of the documentation site, as `make site` writes it; when set, `/docs` serves it and "
        "`/docs/api` the API reference",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_are_read(cls, text: str) -> str:
        read_networks(text)
        return text

    @cached_property
    def data_key(self) -> bytes:
        """Obscures the ids of data rounds: 32 bytes. Another key means other ids, so it is never changed."""
        return bytes.fromhex(self._kept_secret("data.key"))

    @property
    def signing_key_file(self) -> Path:
        """The file of the keys that sign sessions and heads and seal stored answers and credentials; made when it is
        first asked for.
        """
        self._kept_secret("signing.key")
        return self.state / "secrets" / "signing.key"

    @cached_property
    def gateway_token(self) -> str:
        """What a gateway shows to the control plane."""
        return self._kept_secret("gateway.token")

    @property
    def gateway_token_file(self) -> Path:
        """The file of `gateway_token`; made when it is first asked for."""
        self._kept_secret("gateway.token")
        return self.state / "secrets" / "gateway.token"

    def _kept_secret(self, name: str) -> str:
        folder = self.state / "secrets"
        path = folder / name
        # Read first: where secrets are mounted, the folder is not ours to change.
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            pass
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        # Written beside and linked into place: two processes that start at once end up with one secret. The name is not
        # made of the process id, which is 1 in every container.
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()
