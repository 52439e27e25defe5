"""What the control plane and the gateway say to each other, under `/internal`, with the gateway's own token.

* `GET /internal/snapshot` is a stream of lines, each one JSON object with a `type`: `begin`, a `service` for each
  service, `ready`; then the same connection stays open and carries each change within a second, and a `heartbeat`
  every second. A gateway that loses the stream keeps what it holds and asks anew.
* `POST /internal/keys/introspect` answers what a key may do.
* `POST /internal/leases` borrows slices of counted scopes, all or nothing for each call.
* `POST /internal/usage` ships the spool, in its order; each event is taken once.
* `POST /internal/gateways/{gateway}/recovered` says that all spools of earlier lives were shipped, so that what they
  had borrowed and not spent can go back.
"""

from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.manifest import PathsPolicy, Protocol
from mercato_contracts.money import Currency
from mercato_contracts.wire import Count, Nanos, Wire

LimitUnit = Literal["requests", "tokens", "nanos", "concurrent"]
LimitWindow = Literal["second", "minute", "day", "month", "ever"]
ScopeKind = Literal["key", "consumer", "subscription", "plan", "deployment", "vendor"]


class Limit(Wire):
    """A cap on one scope, and the scope's whole name: `subscription:sub_…:tokens:month` or `…:included:month`.

    `second` and `minute` are token buckets of size `burst` that refill at `cap` a window; `day` and `month` are quotas
    of the calendar day and month in UTC. `nanos` is a money budget. `included` (as unit in the name) is what a plan
    covers: running out of it is no refusal where `overage` is true, the call is then priced.
    """

    scope: str
    unit: LimitUnit
    window: LimitWindow
    cap: Count
    burst: Count = 0


class SnapshotPlan(Wire):
    """The immutable terms of a plan. Its limits come with each subscription of it."""

    type: Literal["plan"] = "plan"
    id: str
    name: str
    currency: Currency
    monthly_nanos: Nanos
    per_call_nanos: Nanos
    per_1k_input_nanos: Nanos
    per_1k_output_nanos: Nanos
    included_unit: Literal["requests", "tokens"] | None
    included: Count
    overage: bool
    fallbacks: list[str] = Field(
        default=[], description="Services that take a call that none of this one's deployments can, in this order"
    )


class SnapshotCredential(Wire):
    """A header field that every request to the deployment carries: the vendor's secret, so it is never shown."""

    header: str = Field(description="In lower case")
    value: str = Field(repr=False)


class SnapshotDeployment(Wire):
    """A running endpoint of a release. `url` as in the manifest; `weight` 0 takes no new calls."""

    id: str
    url: str
    addresses: list[str] = Field(
        default=[], description="The addresses that the control plane checked; the gateway connects to no other"
    )
    upstream_model: str | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 100
    timeout_ms: Annotated[int, Field(ge=1, le=600_000)] = 60_000
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 256
    on_disconnect: Literal["drain", "abort"] = "abort"
    health_path: str | None = None
    limits: list[Limit] = []
    credential: SnapshotCredential | None = None


class Operation(Wire):
    """A published operation: upper-case method and path template such as `/rounds/{round}`."""

    method: str
    path: str


class SnapshotRelease(Wire):
    """One immutable version and where it runs."""

    id: str
    version: str
    status: Literal["live", "deprecated", "yanked"]
    operations: list[Operation]
    deployments: list[SnapshotDeployment]


class SnapshotCanary(Wire):
    """The release that takes `percent` of the calls whose range it fits; nobody else gets it but by its version."""

    version: str
    percent: Annotated[int, Field(ge=1, le=99)]


class SnapshotService(Wire):
    """A service as the gateway routes it: called as `vendor/name[@range]` or under `/s/{vendor}/{name}/…`."""

    type: Literal["service"] = "service"
    id: str
    vendor_id: str
    vendor: str
    name: str
    title: str
    created: Annotated[int, Field(description="Seconds since 1970, as OpenAI's model list gives it")]
    protocol: Protocol
    paths: PathsPolicy
    context_window: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The most tokens of one call, as the vendor published it"
    )
    aliases: dict[str, str] = Field(default={}, description="`canary` and other names to an exact version")
    canary: SnapshotCanary | None = None
    releases: list[SnapshotRelease]
    plans: list[SnapshotPlan]
    task: Annotated[str | None, Field(description="What it is for; what it is not for is refused by the gateway")] = (
        None
    )


class ServiceRemoved(Wire):
    """The service takes no more calls."""

    type: Literal["service_removed"] = "service_removed"
    id: str


class KeyChanged(Wire):
    """Forget what is known of this key: revoked, rotated or changed."""

    type: Literal["key_changed"] = "key_changed"
    id: str


class ConsumerChanged(Wire):
    """Forget what is known of all keys of this organisation: a subscription or a budget changed."""

    type: Literal["consumer_changed"] = "consumer_changed"
    id: str


class Begin(Wire):
    """A whole snapshot follows; what is not in it by `ready` is gone."""

    type: Literal["begin"] = "begin"


class Ready(Wire):
    """The snapshot is complete."""

    type: Literal["ready"] = "ready"
    services: int


class Heartbeat(Wire):
    """Nothing changed; the stream is alive."""

    type: Literal["heartbeat"] = "heartbeat"
    at_ms: int


SnapshotLine = Annotated[
    Begin | SnapshotService | Ready | ServiceRemoved | KeyChanged | ConsumerChanged | Heartbeat,
    Field(discriminator="type"),
]


class IntrospectRequest(Wire):
    """Whose key is this? The whole key, over the gateway's authenticated connection."""

    key: Annotated[str, Field(max_length=200)]


class GrantedSubscription(Wire):
    """A subscription of the key's organisation and what it may use."""

    id: str
    service_id: str
    plan_id: str
    limits: list[Limit]


class KeyGrant(Wire):
    """What a key may do. `active` false: unknown, revoked or expired, and nothing else is said."""

    active: bool
    key_id: str = ""
    consumer_id: str = ""
    scopes: list[str] = []
    expires_at_ms: int | None = None
    limits: list[Limit] = Field(default=[], description="Of the key and of its organisation")
    subscriptions: list[GrantedSubscription] = []
    services: list[str] | None = Field(default=None, description="The only services that it calls; `null`: any")
    addresses: list[str] | None = Field(default=None, description="The only networks that it calls from; `null`: any")


class LeaseWant(Wire):
    """`least` is what the call needs, `most` what the gateway would like to hold for the next ones."""

    scope: str
    least: Count
    most: Count


class LeaseRequest(Wire):
    """Slices for one call, all or nothing. Several calls travel in one `LeaseBatch`."""

    wants: list[LeaseWant] = Field(min_length=1, max_length=32)


class LeaseBatch(Wire):
    """All that one gateway process asks for at once; no requests where it only names abandoned batches."""

    gateway: str
    life: str = Field(description="A new id at each start of the process")
    batch: str = Field(default="", max_length=64, description="Names this asking within the life; never used twice")
    abandoned: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default=[],
        max_length=1_000,
        description="Earlier batches whose answers never came: what they may have borrowed goes back unspent",
    )
    requests: list[LeaseRequest] = Field(max_length=512)


class LeaseGrant(Wire):
    """`granted` units of `scope` until `expires_at_ms`. `left` is what nobody holds now; `reset_ms` when it refills."""

    lease: str
    scope: str
    granted: Count
    expires_at_ms: int
    cap: Count
    left: Count
    reset_ms: int


class LeaseDenial(Wire):
    """The scope that had too little. `reset_ms`: milliseconds until asking again can succeed.

    With `may_return` the cap is not used up: what is lacking is lent out, and comes back where it is not spent.
    """

    scope: str
    cap: Count
    left: Count
    reset_ms: int
    may_return: bool = False


class LeaseAnswer(Wire):
    """Either a grant for each want, in their order, or the first denial."""

    grants: list[LeaseGrant] = []
    denied: LeaseDenial | None = None


class LeaseBatchAnswer(Wire):
    """One answer a request, in their order."""

    answers: list[LeaseAnswer]


UsageSource = Literal["provider", "estimated", "partial"]
UsageDoubt = Literal["input_beyond_request", "output_beyond_bound", "output_beyond_answer"]


class UsageEvent(Wire):
    """One metered call. Ids are UUIDv7 with a prefix, times microseconds, money nano-units.

    `source` says who counted the tokens: the `provider`; the gateway, `estimated`; or nobody to the end, `partial`.
    `asked_service_id` is there where a fallback answered: the service that the call had named. `spends` is what the
    call used of each lease: `[lease id, units]`. A call that is not owed (`pricing.is_owed`) is an
    event with price 0.

    Tokens, `included` and price are what is charged: never more than the call held of every limit. What the service
    used beyond that is its own loss: `unpaid_tokens_in`, `unpaid_tokens_out`, and `unpaid_nanos`, their price.
    `ended_by` is the code of the limit that ended a stream before its time. Where the service's counts cannot be true,
    `doubt` says why; the tokens are then the gateway's own count, and the `claimed_` fields those of the service.
    """

    id: str
    at_us: int
    request_id: str
    gateway: str
    consumer_id: str
    key_id: str
    subscription_id: str
    plan_id: str
    vendor_id: str
    service_id: str
    release_id: str
    deployment_id: str
    protocol: Protocol
    operation: Annotated[str, Field(max_length=300)]
    status: Annotated[int, Field(ge=100, le=599)]
    streamed: bool
    client_left: bool
    tokens_in: Count
    tokens_out: Count
    tokens_cached: Count
    bytes_in: Count
    bytes_out: Count
    first_byte_us: Count
    duration_us: Count
    overhead_us: Count
    included: Count
    price_nanos: Nanos
    currency: Currency
    source: UsageSource
    spends: list[tuple[str, Count]]
    asked_service_id: Annotated[str, Field(max_length=64)] | None = None
    unpaid_tokens_in: Count = 0
    unpaid_tokens_out: Count = 0
    unpaid_nanos: Nanos = 0
    ended_by: Annotated[str, Field(max_length=64)] | None = None
    doubt: UsageDoubt | None = None
    claimed_tokens_in: Count | None = None
    claimed_tokens_out: Count | None = None


class UsageBatch(Wire):
    """A piece of one gateway's spool, in its order. `closed` are leases that no later event will spend from."""

    gateway: str
    life: str
    events: list[UsageEvent] = Field(max_length=2_000)
    closed: list[str] = []


class UsageReceipt(Wire):
    """What became of a batch: `taken` for the first time, `known` already."""

    taken: int
    known: int


class Recovered(Wire):
    """The gateway's new life; all spools of earlier ones were shipped."""

    life: str
