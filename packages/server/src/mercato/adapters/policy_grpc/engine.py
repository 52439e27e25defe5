"""`mercato.publishing.PolicyEngine` elsewhere, asked over gRPC: no release goes out that it did not decide about."""

import asyncio
from pathlib import Path

import grpc
import structlog

from mercato.adapters.policy_address import PolicyAddress
from mercato.adapters.policy_grpc.messages import METHOD, Malformed, read_response, write_request
from mercato.publishing import PolicyDecision, Reason, ReleaseFacts

log = structlog.get_logger(__name__)

_DEADLINE_SECONDS = 1.0
"""Of one question, connection and handshake included."""
_PAUSES_SECONDS = (0.2, 1.0)
"""Before it is asked again: an engine that is restarted answers then."""
_WORDS = 300
_WORTH_ANOTHER = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


class PolicyAway(Exception):
    """The engine did not decide; the text names the setting."""


class GrpcPolicy:
    """Asks `mercato.policy.v1.PolicyService`. Without a decision the release is forbidden, and the reason says why.

    `authority` is a PEM file; the system's authorities count where there is none.
    """

    def __init__(
        self, address: PolicyAddress, authority: Path | None = None, deadline_seconds: float = _DEADLINE_SECONDS
    ) -> None:
        self._address = address
        self._deadline = deadline_seconds
        self._roots = None if authority is None else authority.read_bytes()

    async def decide(self, vendor: str, release: str, facts: ReleaseFacts) -> PolicyDecision:
        try:
            return await self.ask(vendor, release, facts)
        except PolicyAway as error:
            log.error("the policy engine did not decide; the release is forbidden", release=release, reason=str(error))
            words = "The policy engine did not decide, so nothing is released. Submit again once it answers."
            return PolicyDecision("forbid", [Reason("policy-engine-away", words)], 0)

    async def ask(self, vendor: str, release: str, facts: ReleaseFacts) -> PolicyDecision:
        """The engine's decision. Raises `PolicyAway`."""
        request = write_request(vendor, release, facts)
        for pause in (*_PAUSES_SECONDS, None):
            try:
                return read_response(await self._call(request))
            except Malformed as error:
                raise PolicyAway(self._said(f"its answer is not valid: {error}")) from None
            except grpc.aio.AioRpcError as error:
                if pause is None or error.code() not in _WORTH_ANOTHER:
                    raise PolicyAway(self._said(f"{error.code().name}: {error.details()}")) from None
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _call(self, request: bytes) -> bytes:
        # Releases are rare: a connection of its own finds an engine that moved, and costs a few milliseconds.
        async with self._channel() as channel:
            answer: bytes = await channel.unary_unary(METHOD)(request, timeout=self._deadline, wait_for_ready=False)
            return answer

    def _channel(self) -> grpc.aio.Channel:
        options = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
        if not self._address.tls:
            return grpc.aio.insecure_channel(self._address.target, options=options)
        credentials = grpc.ssl_channel_credentials(self._roots)
        return grpc.aio.secure_channel(self._address.target, credentials, options=options)

    def _said(self, words: str) -> str:
        return f"the policy engine at {self._address.target} (MERCATO_POLICY_URL): {' '.join(words.split())[:_WORDS]}"
