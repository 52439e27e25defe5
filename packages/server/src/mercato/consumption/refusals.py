"""What the control side of the gateway refuses."""

from mercato.platform import Malformed, Refusal


class NotTheGateway(Refusal):
    """The caller did not show the gateway's token."""

    code = "not_the_gateway"
    status = 401
    title = "Not the gateway"
    fix = "Start the gateway with the control plane's token: `mercato doctor` says where it is kept."


class UsageEventMalformed(Malformed):
    """An event of the batch has no id that could be counted once. Nothing of the batch was taken."""

    code = "usage_event_malformed"
    title = "A usage event is malformed"
    fix = "Set the events named under `errors` aside and send the others."
