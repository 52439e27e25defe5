"""What events on the operator's bus say: the `data` of CloudEvents, one class a type.

A type is only ever extended by fields that a reader may miss; anything else is a new type.
"""

from datetime import datetime

from pydantic import Field

from mercato_contracts.wire import Wire


class ServiceSubmitted(Wire):
    """A vendor submitted a manifest."""

    submission_id: str = Field(description="The submission")


class ServicePublished(Wire):
    """A service has a new release."""

    service_id: str = Field(description="The service")
    release_id: str = Field(description="The new release")


class ServiceDeprecated(Wire):
    """A release was deprecated."""

    service_id: str = Field(description="The service")
    release_id: str = Field(description="The release that should no longer be chosen")


class ApprovalDecided(Wire):
    """A person approved or rejected a submission."""

    submission_id: str = Field(description="The submission")


class SubscriptionChanged(Wire):
    """A subscription began, was cancelled or was taken up again."""

    subscription_id: str = Field(description="The subscription")
    organisation_id: str = Field(description="The consumer's organisation")
    service_id: str = Field(description="The service that it is for")


class SlaBreached(Wire):
    """A service misses what its vendor promised."""

    alert_id: str = Field(description="The alert")
    service_id: str = Field(description="The service")
    vendor_id: str = Field(description="The organisation that offers it")
    objective: str = Field(description="What was promised: `availability` or `latency`")
    severity: str = Field(description="How quickly the error budget is used up: `fast` or `slow`")


class UsageRecorded(Wire):
    """One metered call, as it stands in the ledger: prices are the control plane's own."""

    request_id: str = Field(description="The id that the caller was answered with")
    called_at: datetime = Field(description="When the gateway began to handle the call")
    consumer_id: str = Field(description="The organisation that called")
    vendor_id: str = Field(description="The organisation that offers the service")
    service_id: str = Field(description="The service that answered")
    release_id: str = Field(description="Its release")
    subscription_id: str = Field(description="The subscription that the call was made under")
    operation: str = Field(description="What was asked, such as `chat`")
    status: int = Field(description="The HTTP status of the answer")
    streamed: bool = Field(description="Whether the answer was a stream")
    tokens_in: int = Field(description="Tokens of the request")
    tokens_out: int = Field(description="Tokens of the answer")
    tokens_cached: int = Field(description="Of `tokens_in`, those read from a cache")
    duration_us: int = Field(description="From the request's first byte to the answer's last, in microseconds")
    price_nanos: int = Field(description="What the consumer pays, in billionths of the currency")
    currency: str = Field(description="The currency's ISO 4217 code")
