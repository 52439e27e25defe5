"""What the edge hands to the rooms, put together once by the app. It knows ports; the app chooses their engines."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, FastAPI, Request

from mercato.admin import NoticeBoard
from mercato.consumption import Gates, SnapshotHub, StatusBoard
from mercato.discovery import (
    Embedder,
    IndexKeeper,
    MarketMemory,
    Searching,
    SearchMisses,
    SharedIndex,
    SharedIndexKeeper,
)
from mercato.edge.addresses import TrustedProxies
from mercato.edge.bodies import BodyRoom
from mercato.edge.catalog_pages import CatalogPages
from mercato.edge.health_places import HealthPlaces
from mercato.edge.idempotency import AnswerCipher
from mercato.edge.live_changes import LiveChanges
from mercato.edge.throttle import GUESSABLE, ORDINARY, ORGANISATION, Throttle
from mercato.identity import (
    AccessTokens,
    Authentication,
    Composer,
    FactorSeal,
    KeyProof,
    KnownDevices,
    LetterLinks,
    LinkTokens,
    OpenIdConnect,
    PasswordProof,
    Post,
    ProvenKeys,
    RememberedTokens,
    SecretHasher,
    SsoSecrets,
)
from mercato.metering import Counters
from mercato.platform import Clock, Database, HeadKey, Ids, Mail, ObjectStore, Outbox, Session, WorkflowRecords
from mercato.publishing import Comparing, CredentialSeal
from mercato.signals import LiveRounds
from mercato.training import ClaimLinks, Provider
from mercato.webhooks import SecretSeal, WebhookAddresses
from mercato_contracts.settings import SettingView

if TYPE_CHECKING:
    from mercato_contracts.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that live as long as the process."""

    database: Database
    gateway_database: Database
    """Connections for gateways alone, which requests of users cannot use up."""
    clock: Clock
    ids: Ids
    outbox: Outbox
    workflow_records: WorkflowRecords
    notices: NoticeBoard
    hasher: SecretHasher
    tokens: AccessTokens
    proven: ProvenKeys
    key_proof: KeyProof
    gateway_key_proof: KeyProof
    """With a thread and connections for gateways alone."""
    password_proof: PasswordProof
    known_devices: KnownDevices
    factor_seal: FactorSeal
    open_id: OpenIdConnect
    """Organisations' identity providers."""
    sso_secrets: SsoSecrets
    invitation_links: LinkTokens
    reset_links: LinkTokens
    mail: Mail
    cipher: AnswerCipher
    gateway_token: str
    webhook_seal: SecretSeal
    credential_seal: CredentialSeal
    webhook_addresses: WebhookAddresses
    counters_of: Callable[[Session], Counters]
    """The engine of `counters`."""
    objects: ObjectStore
    data_key: bytes
    """Obscures the ids of data rounds."""
    proxies: TrustedProxies
    """Who may say where a request comes from."""
    cors_origins: tuple[str, ...]
    """Web sites whose scripts may read the control API."""
    client_url: str
    """Where clients reach the control API, without a closing slash."""
    gateway_url: str | None
    """Where clients reach the gateway, without a closing slash; at `gateway_port` of this host where it is `None`."""
    gateway_port: int
    log_key: HeadKey
    follow_secret: Callable[[], Coroutine[None, None, None]]
    """Runs as long as the process: what is derived, sealed and signed goes by the newest file of the keys."""
    live_rounds: LiveRounds
    providers: Mapping[str, Provider]
    """Where training runs, by name."""
    claims: ClaimLinks
    """Links by which jobs claim their runs."""
    approval_target: timedelta
    """How long a submission may wait for people before it is late."""
    take_rate_bp: int
    """The marketplace's share of what consumers pay, in basis points."""
    build_embedder: Callable[[], Embedder]
    """Makes what turns words into vectors: one for a process that searches or indexes."""
    search_folder: Path
    """Where the search index of this machine lies, unless processes share one beyond it."""
    health_places: HealthPlaces | None = None
    """Where the marketplace's own services are; `None` where nothing is probed."""
    gateway_cert: Path | None = None
    """The certificate of the gateway of this host, where it speaks TLS."""
    gateway_ca: Path | None = None
    """An authority that the gateway's certificate may be of, besides public ones."""
    shown_settings: tuple[SettingView, ...] = ()
    """The settings that this process has read, without secrets."""
    sample_data: bool = False
    """Whether the worker keeps a round of the sample dataset open."""
    has_bus: bool = False
    """Whether systems outside hear of each call, by the operator's bus."""
    shared_index: Callable[[int], SharedIndex] | None = None
    """The search index that all processes share, for vectors of this length; `None` where each machine has its own."""
    site: Path | None = None
    """The folder of the documentation site, where one is served."""
    close_engines: Callable[[], Awaitable[None]] | None = None
    """Gives back the connections of engines other than PostgreSQL."""
    tracer: "Tracer | None" = None
    """Writes spans, where a collector is set."""
    close_tracer: Callable[[], None] | None = None
    """Sends what waits, for two seconds at most."""
    comparing: Comparing = field(default_factory=Comparing)
    """Compares releases, in processes that start with the first comparison."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How a request waits, for so many seconds, between two looks at the database."""
    body_room: BodyRoom = field(default_factory=BodyRoom)
    remembered: RememberedTokens = field(default_factory=RememberedTokens)
    throttle: Throttle = field(default_factory=lambda: Throttle(ORDINARY))
    guessing: Throttle = field(default_factory=lambda: Throttle(GUESSABLE))

    organisations: Throttle = field(default_factory=lambda: Throttle(ORGANISATION))

    def authentication(self, session: Session) -> Authentication:
        """Who shows which credential, within a transaction. Keys were proven before it (`key_proof`)."""
        return Authentication(session, self.clock, None, self.tokens, self.proven, self.remembered)

    def post(self, composers: Mapping[str, Composer] | None = None) -> Post:
        """The letters to people: one for a process that sends them. `composers` write those of rooms above identity."""
        links = LetterLinks(self.client_url, self.invitation_links, self.reset_links)
        return Post(self.database, self.clock, self.ids, self.mail, links, composers)

    def counters(self, session: Session) -> Counters:
        """The counted scopes within a transaction."""
        return self.counters_of(session)

    async def close(self) -> None:
        """Give all connections back."""
        if self.close_engines is not None:
            await self.close_engines()
        if self.close_tracer is not None:
            await asyncio.to_thread(self.close_tracer)
        await self.comparing.close()
        await self.gateway_database.close()
        await self.database.close()


@dataclass(frozen=True, slots=True)
class Running:
    """What the routes of one process find: its wiring, and what its roles add; `None` where a role is not served."""

    wiring: Wiring
    searching: Searching | None = None
    index_keeper: IndexKeeper | SharedIndexKeeper | None = None
    market_memory: MarketMemory | None = None
    search_misses: SearchMisses | None = None
    snapshot_hub: SnapshotHub | None = None
    gates: Gates | None = None
    status_board: StatusBoard | None = None
    catalog_pages: CatalogPages | None = None
    live_changes: LiveChanges | None = None
    readiness: Mapping[str, Callable[[], bool]] = field(default_factory=dict)
    """What must be ready before the process takes requests, by the name that a refusal gives it."""
    ends_streams: Sequence[Callable[[], None]] = ()
    """Called when the process begins to stop: answers that never end by themselves end then."""


def set_running(app: FastAPI, running: Running) -> None:
    """Put it where the routes of `app` find it."""
    app.state.running = running


def running_of(app: FastAPI) -> Running:
    """What `set_running` put there."""
    return cast(Running, app.state.running)


def get_wiring(request: Request) -> Wiring:
    """The process's parts."""
    return running_of(request.app).wiring


async def get_session(request: Request) -> Session:
    """The request's transaction, which a `LateTransactionalRoute` opens here."""
    session: Session = await request.state.unit.open()
    return session


Parts = Annotated[Wiring, Depends(get_wiring)]
Transaction = Annotated[Session, Depends(get_session)]
