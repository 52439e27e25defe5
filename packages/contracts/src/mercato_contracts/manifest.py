"""`service.yaml`: what a vendor writes to list a service."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator, model_validator

from mercato_contracts.money import Currency, parse_amount
from mercato_contracts.semver import SEMVER
from mercato_contracts.wire import Count, Slug, Wire

Protocol = Literal["openai", "anthropic", "openapi", "signal"]
Task = Literal[
    "embeddings", "chat", "completion", "classification", "ranking", "speech", "vision", "forecasting", "signals",
    "search", "data", "other",
]  # fmt: skip
Modality = Literal["text", "image", "audio", "video", "vectors", "tabular"]
PathsPolicy = Literal["published", "any"]
Visibility = Literal["public", "private"]

Version = Annotated[str, StringConstraints(pattern=SEMVER, max_length=64)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Amount = Decimal | int | float | str
"""A decimal amount of the plan's currency, such as 0.0002."""


Fallback = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}(@[0-9A-Za-z.^~<>=*+ -]{1,64})?$")
]


class Price(Wire):
    """What a plan costs, in its currency; decimals as text or number, never finer than a nano-unit (nine decimals)."""

    monthly: Amount = Field(default=0, description="The fee of each month, whether or not calls are made")
    per_call: Amount = Field(default=0, description="The price of each call")
    per_1k_input_tokens: Amount = Field(default=0, description="The price of 1,000 input tokens")
    per_1k_output_tokens: Amount = Field(default=0, description="The price of 1,000 output tokens")

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

    unit: Literal["requests", "tokens"] = Field(description="What is counted; tokens are input and output together")
    amount: Count = Field(description="How many of them a calendar month includes")
    overage: bool = Field(
        default=True, description="Whether calls continue at the plan's prices once the included units are used up"
    )


class RateLimit(Wire):
    """At most `amount` requests or tokens in each second or minute (token bucket), day or month (quota); or at most
    `amount` calls at once (`concurrent`, which has no `per`).
    """

    unit: Literal["requests", "tokens", "concurrent"] = Field(
        description="What is counted; `concurrent` is the number of calls in progress"
    )
    per: Literal["second", "minute", "day", "month", "ever"] = Field(
        default="ever", description="The window. Required for requests and tokens; leave it out for `concurrent`"
    )
    amount: Annotated[int, Field(ge=1, le=10**15)] = Field(description="The most that one window allows")
    burst: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None, description="The size of the token bucket, for `second` and `minute` only; `amount` if not given"
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
    """A limit of a plan."""

    across: Literal["subscription", "plan"] = Field(
        default="subscription", description="Whether each subscription has this limit or all of the plan share it"
    )


class PlanManifest(Wire):
    """One way to buy the service: free, per call, per thousand tokens, or monthly with a quota and overage."""

    name: Slug = Field(description="The plan's name, unique within the service; a plan named `free` has no price")
    title: str = Field(default="", max_length=80, description="One line for people who choose a plan")
    currency: Currency = Field(default="USD", description="The currency of all its prices")
    price: Price = Field(default=Price(), description="What it costs; nothing if not given")
    included: Included | None = Field(default=None, description="What a month includes before prices apply")
    limits: list[PlanLimit] = Field(default=[], max_length=8, description="Limits on calls made under this plan")
    fallbacks: list[Fallback] = Field(
        default=[],
        max_length=4,
        description="Services (`vendor/name`, optionally with a range) that take a call when no deployment of this one "
        "can and no byte was sent to the client yet. Only for consumers who subscribe to them too; their plan there "
        "applies",
    )


DEFAULT_ENDPOINT_LIMITS = (RateLimit(unit="requests", per="minute", amount=60),)
"""The limit of an endpoint whose vendor names none: sixty calls a minute, all callers together."""


class EndpointCredential(Wire):
    """What the endpoint requires of its callers: `header: prefix + secret`, with a secret that the vendor stored."""

    header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = Field(
        description="The header field that carries it, such as `Authorization` or `X-Api-Key`"
    )
    prefix: Annotated[str, StringConstraints(pattern=r"^[!-~][ -~]{0,31}$|^$")] = Field(
        default="", description="The text before the secret, including its space: `Bearer `"
    )
    secret: Slug = Field(description="The name that the secret was stored under; never the secret itself")


class Endpoint(Wire):
    """Where the release runs."""

    url: AnyHttpUrl = Field(
        description="Its address. For `openai` and `anthropic` the base that ends in `/v1`, otherwise the server's "
        "root; the paths of the OpenAPI document are added to it"
    )
    model: str | None = Field(
        default=None, max_length=200, description="The name that the server itself expects in the request's `model`"
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = Field(
        default=60, description="How long the gateway waits for the response, and then for each further part of it"
    )
    on_disconnect: Literal["drain", "abort"] = Field(
        default="abort",
        description="When the client closes a stream early: `drain` reads it to its end, `abort` closes the connection",
    )
    health_path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=200)] | None = Field(
        default=None,
        description="Path of a health check (GET), made when there are several deployments; a status below 400 is "
        "healthy. Without it, being able to connect is enough",
    )
    limits: list[RateLimit] = Field(
        default=list(DEFAULT_ENDPOINT_LIMITS),
        max_length=8,
        description="What the server can take, all callers together: 60 requests a minute if not given. A list "
        "replaces this default; an empty list sets no limit",
    )
    credential: EndpointCredential | None = Field(
        default=None, description="The vendor's own secret that the gateway adds to each call of the endpoint"
    )


class CanaryTerms(Wire):
    """How a new release is tried on a share of the calls, and when it is promoted or rolled back.

    The canary is judged once both it and the stable release have `min_calls` metered calls since its start. It is
    rolled back if its error rate (responses of 500 and above) or its p95 (time to the first byte) is over its limit.
    Otherwise it is promoted, at least `min_minutes` after its start.
    """

    percent: Annotated[int, Field(ge=1, le=99)] = Field(default=10, description="The canary's share of the calls")
    min_calls: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=100, description="How many calls each of the two releases needs before the canary is judged"
    )
    min_minutes: Annotated[int, Field(ge=0, le=10_080)] = Field(
        default=10, description="The earliest promotion, in minutes after the canary's start"
    )
    max_error_points: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=100, description="How far its error rate may exceed the stable release's, in hundredths of a percent"
    )
    max_p95_percent: Annotated[int, Field(ge=100, le=10_000)] = Field(
        default=150, description="The highest p95 that is accepted, in percent of the stable release's p95"
    )


class ServiceLevelPromise(Wire):
    """What the vendor promises about the service over any 30 days; published beside what was measured."""

    availability_bp: Annotated[int, Field(ge=9_500, le=9_999)] | None = Field(
        default=None, description="How many of 10,000 calls do not fail: 9990 is 99.9 %"
    )
    p95_latency_ms: Annotated[int, Field(ge=1, le=600_000)] | None = Field(
        default=None,
        description="The limit for the slowest of 95 in 100 responses; for a stream, the time to its first byte",
    )


class Lineage(Wire):
    """What a release was made from. It is published with the release."""

    training_run: Annotated[str, StringConstraints(pattern=r"^trn_[0-9a-f]{32}$")] | None = Field(
        default=None,
        description="The training run of this marketplace whose model the release serves, `trn_…`; one of your own "
        "that succeeded",
    )
    parents: list[Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]] = Field(
        default=[],
        max_length=8,
        description="The models it was made from: `vendor/name@version` of this marketplace, or the name or address of "
        "one elsewhere, without spaces",
    )


class ServiceManifest(Wire):
    """The whole of `service.yaml`, format 1."""

    mercato: Literal[1] = Field(description="The version of this format")
    name: Slug = Field(description="The service's name; consumers call `vendor/name`")
    version: Version = Field(description="The release's version (SemVer); a released version never changes")
    title: Annotated[str, StringConstraints(min_length=3, max_length=80)] = Field(description="The service's title")
    summary: Annotated[str, StringConstraints(min_length=10, max_length=200)] = Field(
        description="One sentence for lists and search results"
    )
    description: str = Field(default="", max_length=20_000, description="The long description, in Markdown")
    protocol: Protocol = Field(description="How it is called; `openapi` is any HTTP API with a document")
    task: Task = Field(description="What it is for; search filters by it")
    openapi: str | None = Field(
        default=None, max_length=300, description="Path of the OpenAPI document, relative to the manifest"
    )
    paths: PathsPolicy = Field(
        default="published", description="Whether only operations of the OpenAPI document may be called, or any path"
    )
    endpoint: Endpoint = Field(description="Where the release runs")
    plans: list[PlanManifest] = Field(min_length=1, max_length=20, description="How it is sold; at least one plan")
    tags: list[Tag] = Field(default=[], max_length=20, description="Your own words for search")
    licence: Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9.+() -]+$")] = Field(
        description="An SPDX expression, or `proprietary`"
    )
    modalities: list[Modality] = Field(default=["text"], min_length=1, description="What goes in and comes out")
    inputs: list[Modality] = Field(default=[], description="What goes in, where that is not all of `modalities`")
    outputs: list[Modality] = Field(default=[], description="What comes out, where that is not all of `modalities`")
    context_window: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None, description="The most tokens of one request and its response together"
    )
    regions: list[Tag] = Field(default=[], max_length=50, description="Where it runs; search filters by it")
    canary: CanaryTerms | None = Field(
        default=None, description="Start this version as a canary if an older release is live to compare it with"
    )
    sla: ServiceLevelPromise | None = Field(default=None, description="The service levels that you promise")
    lineage: Lineage | None = Field(default=None, description="What the release was made from")
    visibility: Visibility = Field(
        default="public", description="`private`: only your organisation, and those in `visible_to`, find and call it"
    )
    visible_to: list[Slug] = Field(
        default=[], max_length=100, description="Slugs of other organisations that find and call a private service"
    )

    @model_validator(mode="after")
    def _granted_where_private(self) -> "ServiceManifest":
        if self.visible_to and self.visibility == "public":
            raise ValueError("`visible_to` is for a service with `visibility: private`; everybody sees a public one")
        return self

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
