"""`service.yaml`: what a vendor writes to list a service."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator, model_validator

from mercato_contracts.money import Currency, parse_amount
from mercato_contracts.wire import Count, Slug, Wire

Protocol = Literal["openai", "anthropic", "openapi", "signal"]
Task = Literal[
    "embeddings", "chat", "completion", "classification", "ranking", "speech", "vision", "forecasting", "signals",
    "search", "data", "other",
]  # fmt: skip
PathsPolicy = Literal["published", "any"]

SEMVER = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)
"""SemVer 2.0.0; source: semver.org, the suggested regular expression."""

Version = Annotated[str, StringConstraints(pattern=SEMVER, max_length=64)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Amount = Annotated[
    Decimal | int | float | str, Field(description="A decimal amount of the plan's currency, such as 0.0002")
]


Fallback = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}(@[0-9A-Za-z.^~<>=*+ -]{1,64})?$")
]


class Price(Wire):
    """What a plan costs, in its currency; decimals as text or number, never finer than a nano-unit (nine decimals)."""

    monthly: Amount = 0
    per_call: Amount = 0
    per_1k_input_tokens: Amount = 0
    per_1k_output_tokens: Amount = 0

    @field_validator("monthly", "per_call", "per_1k_input_tokens", "per_1k_output_tokens")
    @classmethod
    def _exact(cls, value: Decimal | int | float | str) -> Decimal | int | float | str:
        if not 0 <= parse_amount(value) <= 10**18:
            raise ValueError("a price lies between 0 and 1,000,000,000")
        return value

    def nanos(self, component: Literal["monthly", "per_call", "per_1k_input_tokens", "per_1k_output_tokens"]) -> int:
        """One component in whole nano-units."""
        return parse_amount(getattr(self, component))


class Included(Wire):
    """What a month of the plan covers before its prices apply."""

    unit: Literal["requests", "tokens"]
    amount: Count
    overage: bool = Field(default=True, description="Whether calls go on at the plan's prices once it is used up")


class RateLimit(Wire):
    """At most `amount` requests or tokens in each second or minute (token bucket), day or month (quota); or at most
    `amount` calls at once (`concurrent`, which has no `per`).
    """

    unit: Literal["requests", "tokens", "concurrent"]
    per: Literal["second", "minute", "day", "month", "ever"] = Field(
        default="ever", description="Needed for requests and tokens; `concurrent` counts at every moment: `ever`"
    )
    amount: Annotated[int, Field(ge=1, le=10**15)]
    burst: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None, description="Bucket size for second and minute; `amount` when not given"
    )

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if (self.unit == "concurrent") != (self.per == "ever"):
            raise ValueError(
                "concurrent calls are counted at every moment: leave out `per`"
                if self.unit == "concurrent"
                else f"a limit of {self.unit} says `per` second, minute, day or month"
            )
        return self


class PlanLimit(RateLimit):
    """A limit of a plan. With `across` `plan` all subscriptions of the plan share it."""

    across: Literal["subscription", "plan"] = "subscription"


class PlanManifest(Wire):
    """One way to buy the service: free, per call, per thousand tokens, or monthly with a quota and overage."""

    name: Slug
    title: str = Field(default="", max_length=80)
    currency: Currency = "USD"
    price: Price = Price()
    included: Included | None = None
    limits: list[PlanLimit] = Field(default=[], max_length=8)
    fallbacks: list[Fallback] = Field(
        default=[],
        max_length=4,
        description="Services (`vendor/name`, perhaps with a range) that take a call when no deployment of this one "
        "can and nothing was answered yet; for consumers who subscribe to them too, at their plan of those",
    )


DEFAULT_ENDPOINT_LIMITS = (RateLimit(unit="requests", per="minute", amount=60),)
"""What a deployment bears whose vendor does not say: sixty calls a minute, all callers together."""


class EndpointCredential(Wire):
    """What the endpoint asks its callers for: `header: prefix + secret`, with a secret that the vendor stored."""

    header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = Field(
        description="The header field that carries it, such as `Authorization` or `X-Api-Key`"
    )
    prefix: Annotated[str, StringConstraints(pattern=r"^[!-~][ -~]{0,31}$|^$")] = Field(
        default="", description="What stands before the secret, with its blank: `Bearer `"
    )
    secret: Slug = Field(description="The name that the secret was stored under; never the secret itself")


class Endpoint(Wire):
    """Where the release runs. For `openai` and `anthropic` the base that ends in `/v1`; else the server's root."""

    url: AnyHttpUrl
    model: str | None = Field(
        default=None, max_length=200, description="The model name that the server itself expects in `model`"
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 60
    on_disconnect: Literal["drain", "abort"] = Field(
        default="abort", description="When the client leaves a stream: read it to its end, or stop it"
    )
    health_path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=200)] | None = Field(
        default=None,
        description="Asked with GET where there are several deployments: below 400 is well. Without it a connection is",
    )
    limits: list[RateLimit] = Field(
        default=list(DEFAULT_ENDPOINT_LIMITS),
        max_length=8,
        description="What the server itself bears, all callers together: 60 requests a minute where nothing is said. A "
        "list takes the place of that, an empty one sets no limit",
    )
    credential: EndpointCredential | None = Field(
        default=None, description="The vendor's own secret that calls of the endpoint present"
    )


class CanaryTerms(Wire):
    """How a new release is tried on a share of the calls, and what decides.

    Judged once `min_calls` calls of the canary and of the stable release were metered since its start. It is rolled
    back where its error rate (answers of 500 and above) lies more than `max_error_points` hundredths of a percent above
    the stable release's, or where its p95 (time to the first byte) is more than `max_p95_percent` percent of the stable
    release's. Else it is promoted, `min_minutes` after its start at the earliest.
    """

    percent: Annotated[int, Field(ge=1, le=99)] = 10
    min_calls: Annotated[int, Field(ge=10, le=1_000_000)] = 100
    min_minutes: Annotated[int, Field(ge=0, le=10_080)] = 10
    max_error_points: Annotated[int, Field(ge=0, le=10_000)] = 100
    max_p95_percent: Annotated[int, Field(ge=100, le=10_000)] = 150


class ServiceLevelPromise(Wire):
    """What the vendor promises of the service, over any 30 days; what was measured stands beside it."""

    availability_bp: Annotated[int, Field(ge=9_500, le=9_999)] | None = Field(
        default=None, description="Calls of ten thousand that do not fail: 9990 is 99.9 %"
    )
    p95_latency_ms: Annotated[int, Field(ge=1, le=600_000)] | None = Field(
        default=None, description="What 95 of 100 answers do not pass; of a stream, until its first byte"
    )


class ServiceManifest(Wire):
    """The whole of `service.yaml`, format 1."""

    mercato: Literal[1] = Field(description="The version of this format")
    name: Slug
    version: Version
    title: Annotated[str, StringConstraints(min_length=3, max_length=80)]
    summary: Annotated[str, StringConstraints(min_length=10, max_length=200)]
    description: str = Field(default="", max_length=20_000)
    protocol: Protocol
    task: Task
    openapi: str | None = Field(
        default=None, max_length=300, description="Path of the OpenAPI document, relative to the manifest"
    )
    paths: PathsPolicy = "published"
    endpoint: Endpoint
    plans: list[PlanManifest] = Field(min_length=1, max_length=20)
    tags: list[Tag] = Field(default=[], max_length=20)
    licence: Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9.+() -]+$")] = Field(
        description="An SPDX expression, or `proprietary`"
    )
    modalities: list[Literal["text", "image", "audio", "video", "vectors", "tabular"]] = Field(
        default=["text"], min_length=1
    )
    context_window: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    regions: list[Tag] = Field(default=[], max_length=50)
    canary: CanaryTerms | None = Field(
        default=None, description="Let this version begin as a canary, where an older live one is there to compare with"
    )
    sla: ServiceLevelPromise | None = None

    @field_validator("plans")
    @classmethod
    def _distinct_plans(cls, plans: list[PlanManifest]) -> list[PlanManifest]:
        names = [plan.name for plan in plans]
        if len(set(names)) != len(names):
            raise ValueError("two plans have the same name")
        return plans

    @model_validator(mode="after")
    def _document_is_there(self) -> "ServiceManifest":
        if self.protocol in ("openapi", "signal") and not self.openapi:
            raise ValueError(f"a service of protocol {self.protocol} needs `openapi`, the path of its OpenAPI document")
        return self
