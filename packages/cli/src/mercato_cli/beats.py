"""Signed heartbeats of linked deployments: made once here, sent by `mp heartbeat` and by the hosts of `mp deploy`."""

import time
from typing import TYPE_CHECKING, Literal

from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_cli.client import Client
    from mercato_cli.identities import Identities, Identity
    from mercato_cli.profiles import Profile
    from mercato_contracts.deployments import HeartbeatReceipt

Status = Literal["ok", "degraded"]


def send_beat(client: "Client", identity: "Identity", credential: str, status: Status) -> "HeartbeatReceipt":
    """One heartbeat, made now. Raises `MpError`."""
    from datetime import UTC, datetime

    from mercato_contracts.deployments import Heartbeat, HeartbeatFigures

    beat = Heartbeat(
        deployment=identity.deployment,
        sequence=time.time_ns() // 1_000_000,
        sent_at=datetime.now(UTC),
        figures=HeartbeatFigures.model_validate({"status": status}),
    )
    body = beat.model_dump_json(exclude_none=True).encode()
    return client.send_heartbeat(body, identity.sign(body), identity.token or credential)


def beat(
    client: "Client", profile: "Profile", identities: "Identities", deployment: str, status: Status
) -> "HeartbeatReceipt":
    """One heartbeat with the key and token of this machine.

    A vendor key is exchanged for a new token if the token has expired; a revoked one is not replaced. Raises `MpError`.
    """
    identity = identities.get(deployment)
    try:
        return send_beat(client, identity, profile.credential, status)
    except MpError as error:
        is_refused = error.exit_code is Exit.NOT_LOGGED_IN and identity.token and profile.credential.startswith("vk_")
        if not is_refused or not _has_expired(client, identity):
            raise
    identity = identity.with_token(client.exchange_token(deployment, [], None).access_token)
    identities.keep(identity)
    return send_beat(client, identity, profile.credential, status)


def _has_expired(client: "Client", identity: "Identity") -> bool:
    """Whether the deployment's token expired, and was not revoked."""
    from mercato_contracts.keys import parse_key

    own = parse_key(identity.token).key_id
    return any(token.id == own and token.revoked_at is None for token in client.list_tokens(identity.deployment))
