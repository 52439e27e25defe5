"""The refusals of deployments."""

from mercato.platform import Conflict, Refusal


class NotLinked(Conflict):
    """The deployment has no public key yet, so nothing that it signs can be checked."""

    code = "deployment_not_linked"
    title = "The deployment is not linked"
    fix = "Give its public key with `mp link-infra`."


class PublicKeyMalformed(Refusal):
    """Not an Ed25519 public key."""

    code = "public_key_malformed"
    status = 422
    title = "Not an Ed25519 public key"
    fix = "Send the key's 32 bytes in base64; `mp link-infra` makes a pair."


class SignatureRefused(Refusal):
    """The body is not signed by the deployment that it names."""

    code = "signature_refused"
    status = 403
    title = "The signature does not fit"
    fix = "Sign the exact bytes of the body with the deployment's key: `Mercato-Signature: ed25519=<base64>`."


class OtherDeployment(Refusal):
    """A deployment's token acts for that deployment only."""

    code = "other_deployment"
    status = 403
    title = "Another deployment"
    fix = "Use the token of the deployment that you act for; `mp deployments token` makes one."


class HeartbeatReplayed(Conflict):
    """This heartbeat, or a later one, was already accepted."""

    code = "heartbeat_replayed"
    title = "The heartbeat was already accepted"
    fix = "Raise `sequence` with every heartbeat, for instance by the time in milliseconds."


class HeartbeatOutOfTime(Refusal):
    """The heartbeat was made too long ago, or by a clock that is ahead."""

    code = "heartbeat_out_of_time"
    status = 422
    title = "The heartbeat is out of time"
    fix = "Set the clock by NTP and send each heartbeat when it is made."
