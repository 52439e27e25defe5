"""How a call ends: with its usage event, with a refusal, or because its client left.

A call is one object in four layers, each in a file of its own and each calling only those below it: `ending`,
`answering`, `attempt` and `call`. Compiled, a method costs the same in any of them.
"""

import time
from typing import TYPE_CHECKING

from mercato_contracts.pricing import is_owed
from mercato_gateway import headers as fields
from mercato_gateway.admit import Hold
from mercato_gateway.authenticate import Grant
from mercato_gateway.catalog import Deployment, Service
from mercato_gateway.connection import UpstreamCall
from mercato_gateway.heads import RequestHead
from mercato_gateway.held import Held
from mercato_gateway.lane import Lane
from mercato_gateway.log import log
from mercato_gateway.plausible import Bounds, believe
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.refusals import Refused, answer
from mercato_gateway.relay import Relay
from mercato_gateway.settle import FAILED, FLAGS, Measured, call_digits, common_of, encode_event, more_fields, tokens_of
from mercato_gateway.slices import Slice
from mercato_gateway.targets import ModelOperation
from mercato_gateway.tokens import NO_TOKENS, Tokens

if TYPE_CHECKING:
    from mercato_gateway.gateway import Gateway
    from mercato_gateway.server import ClientConnection
    from mercato_gateway.tracing import CallTrace

_monotonic = time.monotonic

# The tokens that count, who counted them, why the service's own count is doubted (or nothing), and that count.
Counted = tuple[Tokens, bytes, bytes, Tokens]


class EndingCall(UpstreamCall):
    """What is known of a call, what it holds, and its ends. `done` once nothing more may happen to it.

    Attributes that most calls never set have defaults on the class: this keeps the start of a call cheap.
    """

    grant: Grant
    lane: Lane
    operation: ModelOperation | None = None
    operation_name: str = ""
    model_request: ModelRequest | None = None
    # The deployment that the call was sent to, or is about to be.
    deployment: Deployment | None = None
    relay: Relay | None = None
    # The service that the client named, once a fallback was tried.
    requested: Service | None = None
    has_lane: bool = False
    client_left: bool = False
    settled: bool = False
    # The answer broke off, so what was passed on of it counts.
    cut_short: bool = False
    # The service's failure: nothing is owed.
    failed: bool = False
    # The limit that ended the stream.
    ended_by: Refused | None = None
    # The response of our own that ended the call.
    refusal: Refused | None = None
    # Where the call is in the sample of a collector.
    trace: "CallTrace | None" = None
    status: int = 0
    sent_at: float = 0.0
    first_byte_at: float = 0.0
    deadline: float = 0.0
    overhead_us: int = 0
    # Most output tokens of each answer, where the request's own bound was lowered; else 0.
    bound: int = 0
    deployment_slices: list[Slice] | None = None
    deployment_policy: bytes = b""

    def __init__(self, gateway: "Gateway", client: "ClientConnection", head: RequestHead, body: bytes) -> None:
        self.gateway = gateway
        self.client = client
        self.head = head
        self.body = body
        self.held = Held(gateway.spool)
        self.started_ns: int = gateway.wall.ns()
        self.started: float = _monotonic()
        self.digits = call_digits(self.started_ns)

    @property
    def request_id(self) -> str:
        """As the client and the upstream see it."""
        return "req_" + self.digits.decode()

    @property
    def address(self) -> str:
        """The client's IP address."""
        return self.client.address

    @property
    def traceparent(self) -> str:
        """What the control plane gets with a question of this call; empty where the call is not traced."""
        trace = self.trace
        return "" if trace is None else trace.header()

    @property
    def hold(self) -> Hold:
        """The budget hold of an admitted call."""
        hold = self.held.hold
        assert hold is not None
        return hold

    # The usage event.

    def _count(self, now: float) -> Counted:
        """What the answer used; decides whether it failed."""
        operation, deployment = self.operation, self.deployment
        assert deployment is not None
        self.failed = not is_owed(self.status)
        if operation is None or self.failed:
            return NO_TOKENS, b"partial" if self.cut_short else b"provider", b"", NO_TOKENS
        tokens, source = tokens_of(operation, self.relay, self.status, self.model_request, self.cut_short)
        if source == FAILED:
            self.status, self.failed = 502, True
            self.gateway.router.failed(deployment, now)
            return tokens, b"provider", b"", NO_TOKENS
        estimate = self.hold.estimate
        if tokens.into <= estimate.into and tokens.out <= estimate.out:
            return tokens, source, b"", NO_TOKENS
        window = self.lane.service.wire.context_window
        bounds = Bounds(operation, self.model_request, self.body, self.relay, self.bound, window)
        believed = believe(tokens, source, bounds)
        return believed.tokens, believed.source, believed.doubt, tokens

    def _settle(self, counted: Counted, now: float) -> None:
        """Settles the hold and appends the usage event to the spool, once."""
        tokens, source, doubt, claimed = counted
        relay, gateway, held, deployment = self.relay, self.gateway, self.held, self.deployment
        assert deployment is not None
        self.settled = True
        held.leave()
        paid, due, spends = self.hold.settle(tokens, failed=self.failed, now=now)
        common = common_of(gateway.id, self.lane, deployment, self.operation_name)
        flags = FLAGS[2 * (relay is not None and relay.stream is not None) + self.client_left]
        requested = self.requested
        if requested is not None and requested is not self.lane.service:
            flags = b'%b,"asked_service_id":"%b"' % (flags, requested.wire.id.encode("ascii"))
        if paid is not tokens or doubt or self.ended_by is not None:
            unpaid = self.hold.unpaid(tokens, due) if not self.failed else 0
            ended_by = self.ended_by.code.name if self.ended_by is not None else ""
            flags += more_fields(tokens, paid, unpaid, ended_by, doubt, claimed)
            gateway.metrics.counts_doubted += bool(doubt)
        bytes_out = relay.bytes_out if relay is not None else 0
        measured = Measured(
            self.started_ns // 1000, len(self.body), bytes_out, int(((self.first_byte_at or now) - self.started) * 1e6),
            int((now - self.started) * 1e6), self.overhead_us,
        )  # fmt: skip
        event = encode_event(
            common, self.grant.quoted_key_id, self.digits, measured, self.status, flags, paid, due, source, spends
        )
        held.append_event(event, common.start_bytes, common.checksum)
        held.stop_top_up()
        gateway.metrics.answered(self.status, self.overhead_us)

    # Ends.

    def _finish(self) -> None:
        """Every end of a call comes through here, and only here it gives back what it still holds."""
        tracer = self.gateway.tracer
        if tracer is not None and not self.done:
            tracer.ended(self)
        self.done = True
        self.gateway.active.discard(self)
        self.held.release()

    def refuse(self, refused: Refused) -> None:
        """Ends the call with our own response."""
        if self.done:
            return
        self.refusal = refused
        self._finish()
        self.gateway.metrics.refused[refused.code.name] += 1
        if not self.client_left:
            head, body = answer(refused, self.head.path, self.request_id)
            self._respond(head, body)

    def broke(self, error: Exception) -> None:
        """Ends the call after a bug in the gateway: it must not hang."""
        tracer = self.gateway.tracer
        if tracer is not None and self.trace is None:
            self.trace = tracer.trace_failure(self)
        trace = {} if self.trace is None else {"trace_id": self.trace.context.trace_id}
        log("call_broke", error=repr(error), request_id=self.request_id, **trace)
        self.refuse(Refused("internal_error", "The gateway has a bug that this call ran into."))

    def _respond(self, head: bytes, body: bytes) -> None:
        """Sends a whole response of our own."""
        if self.head.method == "HEAD":
            body = b""
        self.client.end_call(b"".join((head, self._own_headers(), self.client.connection_header(), b"\r\n", body)))

    # The headers that every response has.

    def _measure_overhead(self, now: float) -> None:
        first = self.first_byte_at or now
        self.overhead_us = max(1, int((self.sent_at - self.started + now - first) * 1e6))

    def _own_headers(self) -> bytes:
        """`RateLimit`, the request id and the time spent in the gateway."""
        if not self.overhead_us:
            self.overhead_us = max(1, int((_monotonic() - self.started) * 1e6))
        limits = b""
        if self.has_lane and self.lane.slices:
            limits = fields.rate_limit(self.lane.policy, self.lane.slices, self.started)
        if self.deployment_slices:
            limits += fields.rate_limit(self.deployment_policy, self.deployment_slices, self.started)
        if self.head.anthropic:
            limits += b"request-id: req_%b\r\n" % self.digits
        return b"%bx-request-id: req_%b\r\nx-mercato-overhead-us: %d\r\n" % (limits, self.digits, self.overhead_us)
