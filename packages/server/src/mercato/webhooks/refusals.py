"""The refusals of webhooks."""

from mercato.platform import Conflict, NotFound, Refusal


class WebhookNotFound(NotFound):
    """The organisation has no such endpoint or delivery."""

    code = "webhook_not_found"
    title = "No such webhook"
    fix = "`GET /api/webhooks` lists the webhooks of your organisation."


class WebhookAddressRefused(Refusal):
    """The address is not one that the marketplace sends to."""

    code = "webhook_address_refused"
    status = 422
    title = "Webhooks are not sent to this address"
    fix = "Give an `https` address without a query, on a public host that resolves."


class WebhookEventUnknown(Refusal):
    """There is no such type of event."""

    code = "webhook_event_unknown"
    status = 422
    title = "No such type of event"
    fix = "Choose from `facts.event_types`, or leave the list empty for all."


class TooManyWebhooks(Conflict):
    """The organisation has the maximum number of endpoints."""

    code = "too_many_webhooks"
    title = "Too many webhooks"
    fix = "Remove one that is no longer needed."


class WebhookDisabled(Conflict):
    """Nothing is sent to a disabled endpoint."""

    code = "webhook_disabled"
    title = "The webhook is disabled"
    fix = "Enable it first: `PATCH /api/webhooks/{id}` with `enabled`."
