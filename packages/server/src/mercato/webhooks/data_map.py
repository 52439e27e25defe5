"""The data map of webhooks."""

from mercato.platform import WITH_ORGANISATION, Keep, LegalBasis, describe
from mercato.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage, WebhookSecret

_CHORE = "old webhooks"

describe(WebhookEndpoint, "Where organisations want news.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id organisation_id", people="created_by", facts="event_types", words="url description disabled_reason",
         times="created_at failing_since disabled_at")  # fmt: skip
describe(WebhookSecret, "Secrets that sign news, sealed.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="endpoint_id", measures="number", secrets="sealed", times="created_at expires_at")  # fmt: skip
describe(WebhookMessage, "News for an organisation.", LegalBasis.CONTRACT, Keep(days=30, since="at", chore=_CHORE),
         ids="id organisation_id", facts="event_type", words="payload", times="at")  # fmt: skip
describe(WebhookDelivery, "Whether news was delivered.", LegalBasis.CONTRACT,
         Keep("as long as the message"),
         ids="id endpoint_id message_id", facts="state", measures="attempts", times="next_at ended_at")  # fmt: skip
describe(WebhookAttempt, "Requests that delivered news.", LegalBasis.CONTRACT, Keep("as long as the message"),
         ids="id delivery_id", words="error", measures="status took_ms", times="at")  # fmt: skip
