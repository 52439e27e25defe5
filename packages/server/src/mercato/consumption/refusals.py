"""The refusals of the gateway's control side."""

from mercato.platform import Malformed, NotFound, Refusal


class NotTheGateway(Refusal):
    """The caller did not present the gateway's token."""

    code = "not_the_gateway"
    status = 401
    title = "Not the gateway"
    fix = "Start the gateway with the control plane's token: `mercato doctor` says where it is kept."


class UsageEventMalformed(Malformed):
    """An event in the batch has no valid id. Nothing in the batch was accepted."""

    code = "usage_event_malformed"
    title = "A usage event is malformed"
    fix = "Set the events named under `errors` aside and send the others."


class ReviewNotFound(NotFound):
    """No such review of disputed usage."""

    code = "usage_review_not_found"
    title = "No such review"
    fix = "List them with `mp doubts reviews --everyone`."


class ReviewDecided(Refusal):
    """The review was already decided."""

    code = "usage_review_decided"
    status = 409
    title = "The review was already decided"
    fix = "Nothing to do; a service that is held can still be cleared."


class SeriesTooLong(Refusal):
    """More steps were asked for than one answer holds."""

    code = "series_too_long"
    status = 422
    title = "The series has too many steps"
    fix = "Ask for a shorter time, or for days instead of hours."
