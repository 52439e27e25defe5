"""The messages between control plane and gateway, under `/internal`, with the gateway's own token.

* `GET /internal/snapshot` is a stream of lines, each one JSON object with a `type`: `begin`, a `service` for each
  service, `ready`; then the same connection stays open and carries each change within a second, and a `heartbeat`
  every second. A gateway that loses the stream keeps what it holds and asks anew.
* `POST /internal/keys/introspect` answers what a key may do.
* `POST /internal/leases` borrows slices of counted scopes, all or nothing for each call.
* `POST /internal/usage` ships the spool, in its order; each event is taken once.
* `POST /internal/gateways/{gateway}/recovered`: earlier lives' spools were shipped, what they left unspent returns.
"""

from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.fields import (
    ASKED_SERVICE,
    BYTES_IN,
    BYTES_OUT,
    CLAIMED_TOKENS_IN,
    CLAIMED_TOKENS_OUT,
    CLIENT_LEFT,
    CURRENCY,
    DEPLOYMENT_ID,
    DOUBT,
    DURATION_US,
    ENDED_BY,
    FIRST_BYTE_US,
    HTTP_STATUS,
    INCLUDED,
    LINE_TYPE,
    OPERATION,
    OVERHEAD_US,
    PRICE_NANOS,
    PROTOCOL,
    REQUEST_ID,
    SOURCE,
    STREAMED,
    TOKENS_CACHED,
    TOKENS_IN,
    TOKENS_OUT,
    UNPAID_NANOS,
    UNPAID_TOKENS_IN,
    UNPAID_TOKENS_OUT,
    ConsumerId,
    OrganisationId,
    PlanId,
    ReleaseId,
    ServiceId,
    SubscriptionId,
    VendorId,
    VendorSlug,
)
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

    scope: str = Field(description="The whole name of what is limited")
    unit: LimitUnit = Field(description="What is counted")
    window: LimitWindow = Field(description="Over which time; `ever` has no end")
    cap: Count = Field(description="The most units of one window")
    burst: Count = Field(default=0, description="The most units at once, for `second` and `minute`")


class SnapshotPlan(Wire):
    """The immutable terms of a plan. Its limits come with each subscription of it."""

    type: Annotated[Literal["plan"], LINE_TYPE] = "plan"
    id: PlanId
    name: str = Field(description="The plan's name")
    currency: Currency = Field(description="The currency of its prices")
    monthly_nanos: Nanos = Field(description="The monthly fee, in nano-units")
    per_call_nanos: Nanos = Field(description="The price of a call, in nano-units")
    per_1k_input_nanos: Nanos = Field(description="The price of 1,000 input tokens, in nano-units")
    per_1k_output_nanos: Nanos = Field(description="The price of 1,000 output tokens, in nano-units")
    included_unit: Literal["requests", "tokens"] | None = Field(description="What the plan includes; null: nothing")
    included: Count = Field(description="How many of that unit a month")
    overage: bool = Field(description="Whether calls beyond the included units are priced, not refused")
    fallbacks: list[str] = Field(
        default=[], description="Services that take a call that none of this one's deployments can, in this order"
    )


class SnapshotCredential(Wire):
    """A header field that every request to the deployment carries: the vendor's secret, so it is never shown."""

    header: str = Field(description="In lower case")
    value: str = Field(repr=False, description="The field's whole value, with its prefix; never logged")


class SnapshotDeployment(Wire):
    """A running endpoint of a release. `url` as in the manifest; `weight` 0 takes no new calls."""

    id: str = Field(description="The deployment's id, `dep_…`")
    url: str = Field(description="The endpoint's base URL")
    addresses: list[str] = Field(
        default=[], description="The addresses that the control plane checked; the gateway connects to no other"
    )
    upstream_model: str | None = Field(
        default=None, description="The endpoint's own name of the model; null: the caller's"
    )
    weight: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=100, description="Its share of the release's new calls"
    )
    timeout_ms: Annotated[int, Field(ge=1, le=600_000)] = Field(
        default=60_000, description="Milliseconds that a response, and each further part of it, may take"
    )
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=256, description="The most, per gateway process"
    )
    on_disconnect: Literal["drain", "abort"] = Field(
        default="abort", description="What happens to a call whose client leaves: read to its end, or cut off"
    )
    health_path: str | None = Field(default=None, description="The path of the endpoint's health check; null: none")
    limits: list[Limit] = Field(default=[], description="Limits of the deployment itself")
    credential: SnapshotCredential | None = Field(default=None, description="The header field it needs; null: none")


class Operation(Wire):
    """A published operation: upper-case method and path template such as `/rounds/{round}`."""

    method: str = Field(description="The HTTP method, in upper case")
    path: str = Field(description="The path template")


class SnapshotRelease(Wire):
    """One immutable version and where it runs."""

    id: ReleaseId
    version: str = Field(description="The SemVer version")
    status: Literal["live", "deprecated", "yanked"] = Field(description="Whether it is offered, discouraged, or gone")
    operations: list[Operation] = Field(description="The operations that its document publishes")
    deployments: list[SnapshotDeployment] = Field(description="Where it runs")


class SnapshotCanary(Wire):
    """The release that takes `percent` of the calls whose range it fits; nobody else gets it but by its version."""

    version: str = Field(description="The version on trial")
    percent: Annotated[int, Field(ge=1, le=99)] = Field(description="Its share of the calls, in percent")


class SnapshotService(Wire):
    """A service as the gateway routes it: called as `vendor/name[@range]` or under `/s/{vendor}/{name}/…`."""

    type: Annotated[Literal["service"], LINE_TYPE] = "service"
    id: ServiceId
    vendor_id: VendorId
    vendor: VendorSlug
    name: str = Field(description="The service's name within its vendor")
    title: str = Field(description="The title, in a few words")
    created: Annotated[int, Field(description="Seconds since 1970, as OpenAI's model list gives it")]
    protocol: Protocol = Field(description="The protocol that it speaks")
    paths: PathsPolicy = Field(description="Which paths calls may use")
    context_window: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The most tokens of one call, as the vendor published it"
    )
    aliases: dict[str, str] = Field(default={}, description="`canary` and other names to an exact version")
    canary: SnapshotCanary | None = Field(default=None, description="The canary that runs; null: none")
    releases: list[SnapshotRelease] = Field(description="Its releases")
    plans: list[SnapshotPlan] = Field(description="The plans of its subscriptions and offers")
    task: str | None = Field(default=None, description="What it is for; what it is not for is refused by the gateway")
    callers: list[str] | None = Field(default=None, description="Who may call a private service; null: it is public")


class ServiceRemoved(Wire):
    """The service takes no more calls."""

    type: Annotated[Literal["service_removed"], LINE_TYPE] = "service_removed"
    id: ServiceId


class KeyChanged(Wire):
    """Forget this key's grant: it was revoked, rotated or changed."""

    type: Annotated[Literal["key_changed"], LINE_TYPE] = "key_changed"
    id: str = Field(description="The key's id, `key_…`")


class ConsumerChanged(Wire):
    """Forget the grants of all keys of this organisation: a subscription or a budget changed."""

    type: Annotated[Literal["consumer_changed"], LINE_TYPE] = "consumer_changed"
    id: OrganisationId


class Begin(Wire):
    """A whole snapshot follows; what is not in it by `ready` is gone."""

    type: Annotated[Literal["begin"], LINE_TYPE] = "begin"
    at_ms: int | None = Field(default=None, description="The control plane's time, milliseconds since 1970")


class Ready(Wire):
    """The snapshot is complete."""

    type: Annotated[Literal["ready"], LINE_TYPE] = "ready"
    services: int = Field(description="How many services the snapshot has")
    at_ms: int | None = Field(default=None, description="The control plane's time, milliseconds since 1970")


class Heartbeat(Wire):
    """Nothing changed; the stream is alive."""

    type: Annotated[Literal["heartbeat"], LINE_TYPE] = "heartbeat"
    at_ms: int = Field(description="The control plane's time, milliseconds since 1970")


SnapshotLine = Annotated[
    Begin | SnapshotService | Ready | ServiceRemoved | KeyChanged | ConsumerChanged | Heartbeat,
    Field(discriminator="type"),
]


class IntrospectRequest(Wire):
    """Ask whose key this is: the whole key, over the gateway's authenticated connection."""

    key: Annotated[str, Field(max_length=200)] = Field(description="The key's whole text; never logged")


class GrantedSubscription(Wire):
    """A subscription of the key's organisation and what it may use."""

    id: SubscriptionId
    service_id: ServiceId
    plan_id: PlanId
    limits: list[Limit] = Field(description="Everything that limits its calls")


class KeyGrant(Wire):
    """What a key may do. `active` false: unknown, revoked or expired; no other field is set then."""

    active: bool = Field(description="Whether the key is in force")
    key_id: str = Field(default="", description="The key's id, `key_…`")
    consumer_id: ConsumerId = ""
    scopes: list[str] = Field(default=[], description="What the key may do")
    expires_at_ms: int | None = Field(default=None, description="When it expires, milliseconds since 1970; null: never")
    limits: list[Limit] = Field(default=[], description="Of the key and of its organisation")
    subscriptions: list[GrantedSubscription] = Field(default=[], description="Its organisation's active ones")
    services: list[str] | None = Field(default=None, description="The only services that it calls; `null`: any")
    addresses: list[str] | None = Field(default=None, description="The only networks that it calls from; `null`: any")


class LeaseWant(Wire):
    """`least` is what the call needs, `most` what the gateway would like to hold for the next ones."""

    scope: str = Field(description="The whole name of the limit")
    least: Count = Field(description="What this call needs, in the limit's unit")
    most: Count = Field(description="What the gateway would like to hold, in the same unit")


class LeaseRequest(Wire):
    """Slices for one call, all or nothing. Several calls travel in one `LeaseBatch`."""

    wants: list[LeaseWant] = Field(min_length=1, max_length=32, description="One for each limit of the call, 1 to 32")


class LeaseBatch(Wire):
    """All that one gateway process requests at once; without requests it only names abandoned batches."""

    gateway: str = Field(description="The gateway's id, `gtw_…`")
    life: str = Field(description="A new id at each start of the process")
    batch: str = Field(default="", max_length=64, description="Names this asking within the life; never used twice")
    abandoned: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default=[],
        max_length=1_000,
        description="Earlier batches whose answers never came: what they may have borrowed goes back unspent",
    )
    requests: list[LeaseRequest] = Field(max_length=512, description="One for each call, at most 512")


class LeaseGrant(Wire):
    """`granted` units of `scope` until `expires_at_ms`. `left` is what nobody holds now; `reset_ms` when it refills."""

    lease: str = Field(description="The lease's id, `lse_…`")
    scope: str = Field(description="The whole name of the limit")
    granted: Count = Field(description="Units lent")
    expires_at_ms: int = Field(description="Until when they may be spent, milliseconds since 1970")
    cap: Count = Field(description="The most units of one window")
    left: Count = Field(description="Units that nobody holds now")
    reset_ms: int = Field(description="Milliseconds until the window refills")


class LeaseDenial(Wire):
    """The scope that had too little. `reset_ms`: milliseconds until asking again can succeed.

    With `may_return` the cap is not used up: what is lacking is lent out, and comes back where it is not spent.
    """

    scope: str = Field(description="The whole name of the limit")
    cap: Count = Field(description="The most units of one window")
    left: Count = Field(description="Units that nobody holds now")
    reset_ms: int = Field(description="Milliseconds until a retry can succeed")
    may_return: bool = Field(default=False, description="Whether lent units may come back before the window ends")


class LeaseAnswer(Wire):
    """Either a grant for each want, in their order, or the first denial."""

    grants: list[LeaseGrant] = Field(default=[], description="A grant for each want, in order; empty when denied")
    denied: LeaseDenial | None = Field(default=None, description="The first limit with too little; null: granted")


class LeaseBatchAnswer(Wire):
    """One answer a request, in their order."""

    answers: list[LeaseAnswer] = Field(description="One answer for each request, in order")


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

    id: str = Field(description="The event's id, `use_…`; taken once")
    at_us: int = Field(description="When the call began, microseconds since 1970")
    request_id: Annotated[str, REQUEST_ID]
    gateway: str = Field(description="The gateway's id, `gtw_…`")
    consumer_id: ConsumerId
    key_id: str = Field(description="The id of the key that called, `key_…`")
    subscription_id: SubscriptionId
    plan_id: PlanId
    vendor_id: VendorId
    service_id: ServiceId
    release_id: ReleaseId
    deployment_id: Annotated[str, DEPLOYMENT_ID]
    protocol: Annotated[Protocol, PROTOCOL]
    operation: Annotated[Annotated[str, Field(max_length=300)], OPERATION]
    status: Annotated[Annotated[int, Field(ge=100, le=599)], HTTP_STATUS]
    streamed: Annotated[bool, STREAMED]
    client_left: Annotated[bool, CLIENT_LEFT]
    tokens_in: Annotated[Count, TOKENS_IN]
    tokens_out: Annotated[Count, TOKENS_OUT]
    tokens_cached: Annotated[Count, TOKENS_CACHED]
    bytes_in: Annotated[Count, BYTES_IN]
    bytes_out: Annotated[Count, BYTES_OUT]
    first_byte_us: Annotated[Count, FIRST_BYTE_US]
    duration_us: Annotated[Count, DURATION_US]
    overhead_us: Annotated[Count, OVERHEAD_US]
    included: Annotated[Count, INCLUDED]
    price_nanos: Annotated[Nanos, PRICE_NANOS]
    currency: Annotated[Currency, CURRENCY]
    source: Annotated[UsageSource, SOURCE]
    spends: list[tuple[str, Count]] = Field(description="What was spent of each lease: `[lease id, units]`")
    asked_service_id: Annotated[Annotated[str, Field(max_length=64)] | None, ASKED_SERVICE] = None
    unpaid_tokens_in: Annotated[Count, UNPAID_TOKENS_IN] = 0
    unpaid_tokens_out: Annotated[Count, UNPAID_TOKENS_OUT] = 0
    unpaid_nanos: Annotated[Nanos, UNPAID_NANOS] = 0
    ended_by: Annotated[Annotated[str, Field(max_length=64)] | None, ENDED_BY] = None
    doubt: Annotated[UsageDoubt | None, DOUBT] = None
    claimed_tokens_in: Annotated[Count | None, CLAIMED_TOKENS_IN] = None
    claimed_tokens_out: Annotated[Count | None, CLAIMED_TOKENS_OUT] = None


class UsageBatch(Wire):
    """A part of one gateway's spool, in order. `closed` are leases that no later event will spend from."""

    gateway: str = Field(description="The gateway's id, `gtw_…`")
    life: str = Field(description="The id of the process's life")
    events: list[UsageEvent] = Field(max_length=2_000, description="The events in the spool's order, at most 2,000")
    closed: list[str] = Field(default=[], description="Ids of leases that no later event will spend from")


class UsageReceipt(Wire):
    """The outcome of a batch: events `taken` for the first time, and `known` already."""

    taken: int = Field(description="Events taken for the first time")
    known: int = Field(description="Events that were known already")


class Recovered(Wire):
    """The gateway's new life; all spools of earlier ones were shipped."""

    life: str = Field(description="The id of the gateway's new life")
