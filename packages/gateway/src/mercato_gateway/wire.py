"""The messages of `mercato_contracts.dataplane` as msgspec structs, so that a worker never imports pydantic.

A test decodes what pydantic writes into these and back, field by field. Unknown fields are ignored: a control plane
that is newer than its gateways must not stop them.
"""

from typing import Any, Literal

from msgspec import Struct

LimitUnit = Literal["requests", "tokens", "nanos", "concurrent"]
LimitWindow = Literal["second", "minute", "day", "month", "ever"]
Protocol = Literal["openai", "anthropic", "openapi", "signal"]
UsageSource = Literal["provider", "estimated", "partial"]
UsageDoubt = Literal["input_beyond_request", "output_beyond_bound", "output_beyond_answer"]
Currency = Literal["USD", "EUR"]


class Limit(Struct, frozen=True):
    """A cap on one scope; `second` and `minute` are buckets, the other windows quotas."""

    scope: str
    unit: LimitUnit
    window: LimitWindow
    cap: int
    burst: int = 0


class SnapshotPlan(Struct, frozen=True, tag_field="type", tag="plan"):
    """Prices in nano-units and what the plan includes."""

    id: str
    name: str
    currency: Currency
    monthly_nanos: int
    per_call_nanos: int
    per_1k_input_nanos: int
    per_1k_output_nanos: int
    included_unit: Literal["requests", "tokens"] | None
    included: int
    overage: bool
    fallbacks: list[str] = []


class SnapshotCredential(Struct, frozen=True):
    """A header field that every request to the deployment has. The value is a vendor's secret: no `repr` shows it."""

    header: str
    value: str

    def __repr__(self) -> str:
        return f"SnapshotCredential(header={self.header!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("header", self.header)]


class SnapshotDeployment(Struct, frozen=True):
    """A running endpoint of a release."""

    id: str
    url: str
    addresses: list[str] = []
    upstream_model: str | None = None
    weight: int = 100
    timeout_ms: int = 60_000
    max_connections: int = 256
    on_disconnect: Literal["drain", "abort"] = "abort"
    health_path: str | None = None
    limits: list[Limit] = []
    credential: SnapshotCredential | None = None


class Operation(Struct, frozen=True):
    """A published operation: upper-case method and path template."""

    method: str
    path: str


class SnapshotRelease(Struct, frozen=True):
    """One immutable version and where it runs."""

    id: str
    version: str
    status: Literal["live", "deprecated", "yanked"]
    operations: list[Operation]
    deployments: list[SnapshotDeployment]


class SnapshotCanary(Struct, frozen=True):
    """The release that takes `percent` of the calls whose range it fits."""

    version: str
    percent: int


class SnapshotService(Struct, frozen=True, tag_field="type", tag="service"):
    """A service as it is routed."""

    id: str
    vendor_id: str
    vendor: str
    name: str
    title: str
    created: int
    protocol: Protocol
    paths: Literal["published", "any"]
    releases: list[SnapshotRelease]
    plans: list[SnapshotPlan]
    aliases: dict[str, str] = {}
    canary: SnapshotCanary | None = None
    context_window: int | None = None
    task: str | None = None
    callers: list[str] | None = None

    def is_open_to(self, organisation_id: str) -> bool:
        """Whether this organisation may know of the service; a private one does not exist for others."""
        return self.callers is None or organisation_id in self.callers


class ServiceRemoved(Struct, frozen=True, tag_field="type", tag="service_removed"):
    """The service accepts no more calls."""

    id: str


class KeyChanged(Struct, frozen=True, tag_field="type", tag="key_changed"):
    """Forget this key."""

    id: str


class ConsumerChanged(Struct, frozen=True, tag_field="type", tag="consumer_changed"):
    """Forget all keys of this organisation."""

    id: str


class Begin(Struct, frozen=True, tag_field="type", tag="begin"):
    """A whole snapshot follows."""

    at_ms: int | None = None


class Ready(Struct, frozen=True, tag_field="type", tag="ready"):
    """The snapshot is complete."""

    services: int
    at_ms: int | None = None


class Heartbeat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """The stream is alive."""

    at_ms: int


SnapshotLine = Begin | SnapshotService | Ready | ServiceRemoved | KeyChanged | ConsumerChanged | Heartbeat


class IntrospectRequest(Struct, frozen=True):
    """Whose key is this?"""

    key: str


class GrantedSubscription(Struct, frozen=True):
    """A subscription of the key's organisation."""

    id: str
    service_id: str
    plan_id: str
    limits: list[Limit]


class KeyGrant(Struct, frozen=True):
    """The permissions of a key; only `active` is set where it is false."""

    active: bool
    key_id: str = ""
    consumer_id: str = ""
    scopes: list[str] = []
    expires_at_ms: int | None = None
    limits: list[Limit] = []
    subscriptions: list[GrantedSubscription] = []
    services: list[str] | None = None
    addresses: list[str] | None = None


class LeaseWant(Struct, frozen=True):
    """At least `least` units of `scope`, at most `most`."""

    scope: str
    least: int
    most: int


class LeaseRequest(Struct, frozen=True):
    """Slices for one call, all or nothing."""

    wants: list[LeaseWant]


class LeaseBatch(Struct, frozen=True):
    """All that one gateway process requests at once; `abandoned` names batches whose answers never arrived."""

    gateway: str
    life: str
    requests: list[LeaseRequest]
    batch: str = ""
    abandoned: list[str] = []


class LeaseGrant(Struct, frozen=True):
    """`granted` units of `scope` until `expires_at_ms`."""

    lease: str
    scope: str
    granted: int
    expires_at_ms: int
    cap: int
    left: int
    reset_ms: int


class LeaseDenial(Struct, frozen=True):
    """The scope that had too little; a new request can succeed in `reset_ms`, or with `may_return` at any moment."""

    scope: str
    cap: int
    left: int
    reset_ms: int
    may_return: bool = False


class LeaseAnswer(Struct, frozen=True):
    """A grant for each want, in the same order, or the first denial."""

    grants: list[LeaseGrant] = []
    denied: LeaseDenial | None = None


class LeaseBatchAnswer(Struct, frozen=True):
    """An answer for each request, in the same order."""

    answers: list[LeaseAnswer]


class UsageEvent(Struct, frozen=True):
    """One metered call."""

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
    operation: str
    status: int
    streamed: bool
    client_left: bool
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    bytes_in: int
    bytes_out: int
    first_byte_us: int
    duration_us: int
    overhead_us: int
    included: int
    price_nanos: int
    currency: Currency
    source: UsageSource
    spends: list[tuple[str, int]]
    asked_service_id: str | None = None
    unpaid_tokens_in: int = 0
    unpaid_tokens_out: int = 0
    unpaid_nanos: int = 0
    ended_by: str | None = None
    doubt: UsageDoubt | None = None
    claimed_tokens_in: int | None = None
    claimed_tokens_out: int | None = None


class UsageBatch(Struct, frozen=True):
    """A part of one gateway's spool, in order."""

    gateway: str
    life: str
    events: list[UsageEvent]
    closed: list[str] = []


class UsageReceipt(Struct, frozen=True):
    """The outcome of a batch."""

    taken: int
    known: int


class Recovered(Struct, frozen=True):
    """All spools of earlier lives were shipped."""

    life: str
