"""One call on its way: authenticate, find the lane, admit, route, relay, settle.

Every step runs at once when it can; where it has to wait (an unknown key, a slice,
a connection) the call is called back.
Attributes that most calls never set have their defaults on the class, so that starting a call sets few.
"""

import time
from typing import TYPE_CHECKING

from mercato_contracts.pricing import is_owed
from mercato_gateway import headers as fields
from mercato_gateway.admit import Hold, slices_of
from mercato_gateway.authenticate import Grant
from mercato_gateway.bodies import (
    USUAL_OUTPUT_TOKENS,
    choices_of,
    limit_output,
    output_bound,
    output_tokens,
    read_other_request,
    read_request,
)
from mercato_gateway.catalog import Deployment, Service
from mercato_gateway.codings import decode
from mercato_gateway.connection import UpstreamCall, UpstreamConnection
from mercato_gateway.forms import Form, read_form
from mercato_gateway.forward import upstream_request
from mercato_gateway.heads import AnswerHead, RequestHead
from mercato_gateway.lane import Lane, find_lane, policy_of
from mercato_gateway.lastevent import last_event
from mercato_gateway.leases import Lacking, Slice
from mercato_gateway.log import log
from mercato_gateway.models import list_models
from mercato_gateway.plausible import Asked, believe
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.redirects import as_clients_know_it
from mercato_gateway.refusals import Refused, answer
from mercato_gateway.relay import Relay
from mercato_gateway.settle import FAILED, FLAGS, call_digits, common_of, encode_event, more_fields, tokens_of
from mercato_gateway.streamhold import StreamHold
from mercato_gateway.targets import MODEL_OPERATIONS, ModelOperation, model_operation, read_service_path, wrong_task
from mercato_gateway.tokens import NO_TOKENS, Tokens, estimate_input
from mercato_gateway.topup import PATIENCE_SECONDS, TopUp

if TYPE_CHECKING:
    from mercato_gateway.gateway import Gateway
    from mercato_gateway.server import ClientConnection

# Where a request without a bound of output can be given one.
_BOUNDED_PATHS = frozenset({"/chat/completions", "/completions", "/responses", "/messages"})
_READ_PATHS = frozenset(operation.path for operation in MODEL_OPERATIONS.values())
_MAX_ROUNDS = 64
_MAX_ATTEMPTS = 3
_LONGEST_CALL_SECONDS = 3600.0
_monotonic = time.monotonic
_time_ns = time.time_ns


class Call(UpstreamCall):
    """A call from the end of its request to its usage event. `done` once nothing more may happen to it."""

    grant: Grant
    lane: Lane
    hold: Hold
    operation: ModelOperation | None = None
    operation_name: str = ""
    model_request: ModelRequest | None = None
    form: Form | None = None
    deployment: Deployment | None = None
    upstream: UpstreamConnection | None = None
    relay: Relay | None = None
    upstream_path: bytes = b""
    tried: frozenset[str] = frozenset()
    fallbacks: list[str] | None = None
    asked: Service | None = None
    # Why the last service that was tried gave no answer, and its deployment where that was asked.
    failure: Refused | None = None
    failed_at: Deployment | None = None
    failed_lane: Lane | None = None
    attempts: int = 0
    rounds: int = 0
    has_lane: bool = False
    admitted: bool = False
    client_left: bool = False
    settled: bool = False
    paused: bool = False
    adds_usage: bool = False
    status: int = 0
    sent_at: float = 0.0
    first_byte_at: float = 0.0
    deadline: float = 0.0
    overhead_us: int = 0
    # Most tokens of output of each answer, where the request's bound was lowered; 0 where it stands.
    bound: int = 0
    # Whether limits had too little for the whole call, and what is left of them was asked for.
    scarce: bool = False
    returning: bool = False
    stream_hold: StreamHold | None = None
    watched: bool = False
    # While the answer's end waits for more to be held: what was read of it meanwhile, and whether that is all.
    top_up: TopUp | None = None
    settling: bool = False
    rest: bytes = b""
    rest_complete: bool = False
    cut: bool = False
    ended: Refused | None = None
    deployment_slices: list[Slice] | None = None
    deployment_policy: bytes = b""

    def __init__(self, gateway: "Gateway", client: "ClientConnection", head: RequestHead, body: bytes) -> None:
        self.gateway = gateway
        self.client = client
        self.head = head
        self.body = body
        self.started_ns: int = _time_ns()
        self.started: float = _monotonic()
        self.digits = call_digits(self.started_ns)

    @property
    def request_id(self) -> str:
        """As the client and the upstream see it."""
        return "req_" + self.digits.decode()

    @property
    def address(self) -> str:
        """Where the call comes from."""
        return self.client.address

    # Steps before the upstream.

    def start(self) -> None:
        """Takes the call as far as it can go now."""
        try:
            self._authenticate()
        except Refused as refused:
            self.refuse(refused)

    def _authenticate(self) -> None:
        gateway = self.gateway
        if not gateway.catalog.ready:
            raise Refused("starting", "The gateway has no routes yet.")
        head = self.head
        if not head.key:
            raise Refused("key_missing", "This call has no key.")
        grant = gateway.keys.find(head.key, head.digest, self.started)
        if grant is None:
            self.deadline = self.started + 15.0
            gateway.active.add(self)
            gateway.keys.ask(head.key, self, self.started)
        else:
            self._authorised(grant)

    def key_known(self, grant: Grant) -> None:
        """The control plane knows the key."""
        try:
            self._authorised(grant)
        except Refused as refused:
            self.refuse(refused)
        except Exception as error:
            self.broke(error)

    def _authorised(self, grant: Grant) -> None:
        self.grant = grant
        path = self.head.path
        if path.startswith(b"/s/"):
            self._find_service_lane()
        elif path.startswith(b"/v1/models") and path[10:11] in (b"", b"/"):
            self._answer_models()
            return
        else:
            self._find_model_lane()
        self._admit()

    def _answer_models(self) -> None:
        asked = self.head
        anthropic = b"anthropic-version" in asked.fields
        body = list_models(self.gateway.catalog, self.grant.terms, asked.method, asked.path, anthropic)
        self.done = True
        self.gateway.active.discard(self)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n".encode()
        if asked.method == "HEAD":
            body = b""
        self.client.end_call(b"".join((head, self._own_headers(), self.client.connection_header(), b"\r\n", body)))

    def _find_model_lane(self) -> None:
        operation = self.operation = model_operation(self.head.method, self.head.path)
        if self.head.coded:
            self._decode_body()
        request = self.model_request = read_request(self.body)
        if not isinstance(request.model, str) or not request.model:
            raise Refused("model_missing", "The body has no `model`.")
        lane = self.lane = self._lane(request.model)
        self.has_lane = True
        protocol = lane.service.protocol
        if protocol != operation.protocol:
            detail = f"{lane.service.name} speaks {protocol}, not {operation.protocol}."
            raise Refused("operation_not_found", detail, facts={"protocol": protocol})
        if operation.path in lane.service.wrong_paths:
            raise wrong_task(operation, lane.service)
        self._decide_usage(operation, request)
        self.operation_name = operation.name
        self.upstream_path = operation.upstream

    def _find_service_lane(self) -> None:
        target, method = read_service_path(self.head.path), self.head.method
        lane = self.lane = self._lane(f"{target.service}@{target.wanted}")
        self.has_lane = True
        wire = lane.service.wire
        if wire.paths == "any":
            self.operation_name, self.upstream_path = f"{method} {target.path}"[:300], target.raw
        else:
            match = lane.release.operations.find(method, target.raw)
            self.operation_name, self.upstream_path = match.name[:300], match.path
        if wire.protocol in ("openai", "anthropic"):
            self._read_model_body(target.path)

    def _read_model_body(self, path: str) -> None:
        """A model service called by its path: metered, and held to its model, like a call under `/v1`.

        Whatever the method and the type say, an upstream may read a body as JSON: only forms are not.
        """
        head, known = self.head, path in _READ_PATHS
        if head.coded and self.body:
            self._decode_body()
        body = self.body
        if body:
            if known or not fields.is_form(head.headers, head.fields):
                request = self.model_request = read_request(body) if known else read_other_request(body)
            else:
                self.form = read_form(head.headers, body)
                request = self.model_request = self.form.request
            chat = path in ("/chat/completions", "/completions")
            protocol = self.lane.service.wire.protocol
            gives = path not in ("/embeddings", "/messages/count_tokens")
            operation = self.operation = ModelOperation(
                protocol, path, self.operation_name, idempotent=not gives, ask_usage=chat, gives_tokens=gives
            )
            self._decide_usage(operation, request)

    def _decode_body(self) -> None:
        """What is read here is read, metered and sent on without its compression."""
        self.body = decode(self.head.headers, self.body, self.gateway.settings.max_body_bytes)

    def _decide_usage(self, operation: ModelOperation, request: ModelRequest) -> None:
        """A streamed call always asks upstream for its usage; `adds_usage` where the client had not."""
        if operation.ask_usage and request.stream:
            options = request.stream_options
            self.adds_usage = not (isinstance(options, dict) and options.get("include_usage"))

    def _lane(self, model: str) -> Lane:
        named = self.head.fields.get(b"x-mercato-subscription", b"")
        return find_lane(self.grant.terms, model, named, self.gateway.catalog, self.gateway.leases)

    # Admit and route.

    def _admit(self) -> None:
        gateway = self.gateway
        if not gateway.spool.reserve():
            raise Refused(
                "usage_spool_full",
                f"Usage has no room: {gateway.spool.trouble or 'too many calls in flight'}.",
                retry_after=5,
            )
        self.admitted = True
        gateway.active.add(self)
        self.hold = Hold(self.lane, gateway.leases, self._estimate() if self.lane.needs_tokens else NO_TOKENS)
        self.deadline = self.started + 15.0
        self._hold_and_send()

    def _estimate(self) -> Tokens:
        operation, request = self.operation, self.model_request
        if operation is None or request is None:
            return NO_TOKENS
        return Tokens(estimate_input(request), output_tokens(request) if operation.gives_tokens else 0, 0)

    def _hold_and_send(self) -> None:
        gateway = self.gateway
        now = _monotonic()
        while True:
            try:
                deployment = gateway.router.choose(self.lane.release, now, self.tried)
            except Refused as refused:
                if self._falls_back(refused, None):
                    return
                raise
            slices = slices_of(deployment, gateway.leases) if deployment.limited else []
            if slices and not deployment.policy:
                deployment.policy = policy_of(slices)
            self.deployment_slices, self.deployment_policy = slices, deployment.policy
            lacking = self.hold.take(slices, now)
            if lacking is None:
                if self.scarce or not self._nears_an_end(now):
                    break
                self._seek_rest()
                return
            if self.returning:
                self.returning = False
                if self._asks_for_rest(now):
                    return
            if self.scarce and not self.bound and self._lower_bound(slices, now):
                continue
            self.rounds += 1
            if self.rounds > _MAX_ROUNDS:
                piece, need = lacking[0][0]
                raise piece.refusal(need, now)
            try:
                gateway.leases.wait(self, lacking[0], now, part=lacking[1])
            except Refused as refused:
                others = self.tried | {deployment.id}
                if lacking[0][0][0] in slices and len(others) < len(self.lane.release.deployments):
                    self.tried = others
                    continue
                if refused.code.status != 429 or not self._may_bound(lacking[0]):
                    raise
                self._seek_rest()
            return
        self._connect(deployment, now)

    # Near a cap.

    def _may_bound(self, lacking: Lacking) -> bool:
        """Whether fewer tokens of output would help where this is lacking, and upstream can be asked for fewer."""
        operation, request = self.operation, self.model_request
        if self.scarce or operation is None or request is None or self.form is not None:
            return False
        if not operation.gives_tokens or not self.hold.estimate.out:
            return False
        if operation.path not in _BOUNDED_PATHS and output_bound(request) < 0:
            return False
        # What a second or a minute lacks is there again soon: the whole answer then is better than a part of it now.
        return all(piece.unit in ("tokens", "nanos") and piece.window in ("day", "month") for piece, _ in lacking)

    def _nears_an_end(self, now: float) -> bool:
        """Whether a request that sets no bound gets one, as a usual answer may be more than is left; the hold then is
        for such an answer, and nothing is taken.
        """
        hold, request = self.hold, self.model_request
        if request is None or not self.lane.needs_tokens or output_bound(request) >= 0 or not self._may_bound([]):
            return False
        usual = Tokens(hold.estimate.into, USUAL_OUTPUT_TOKENS * choices_of(request), 0)
        if not hold.is_near_end(usual, now):
            return False
        hold.release()
        hold.estimate = usual
        return True

    def _seek_rest(self) -> None:
        """Whatever is left of the limits is asked for next, once what this worker gave back of them is there again."""
        self.scarce = self.returning = True
        self.gateway.leases.wait_for_returns(self)

    def _asks_for_rest(self, now: float) -> bool:
        """False where what is at hand must do. Raises `Refused` where the control plane does not answer."""
        needs = self.hold.needs(self.hold.estimate)
        if not needs:
            return False
        try:
            self.gateway.leases.wait(self, needs, now, part=True)
        except Refused:
            if output_bound(self.model_request) >= 0:
                raise
            return False
        return True

    def _lower_bound(self, slices: list[Slice], now: float) -> bool:
        """Lowers the bound that goes upstream to what can be paid for; false where that is not one token."""
        self.bound = self.hold.shrink(slices, choices_of(self.model_request), now)
        self.gateway.metrics.bounds_lowered += self.bound > 0
        return self.bound > 0

    def leases_came(self) -> None:
        """Slices came, or will not come: try again."""
        try:
            self._hold_and_send()
        except Refused as refused:
            self._not_held(refused)
        except Exception as error:
            self.broke(error)

    def _not_held(self, refused: Refused) -> None:
        """What a fallback's limits refuse is no answer to who asked for another service: it is the next one's turn, or
        the failure stands.
        """
        failure, lane = self.failure, self.failed_lane
        if failure is None or lane is None or self.lane is lane:
            self.refuse(refused)
        elif not self._falls_back(failure, None):
            self.lane, self.hold = lane, Hold(lane, self.gateway.leases, NO_TOKENS)
            if self.failed_at is None:
                self.refuse(failure)
            else:
                self._fail(failure, self.failed_at, _monotonic())

    def _connect(self, deployment: Deployment, now: float) -> None:
        self.deployment = deployment
        deployment.inflight += 1
        self.attempts += 1
        self.sent_at = now if self.attempts > 1 else _monotonic()
        self.deadline = self.sent_at + deployment.timeout
        connection = deployment.pool.take(self, now)
        if connection is not None:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """Sends the request; the upstream answers with the methods below."""
        self.upstream = connection
        deployment, head, body, said = self.deployment, self.head, self.body, self.model_request
        assert deployment is not None
        try:
            if self.form is not None:
                body, said = self.form.named(deployment.wire.upstream_model), None
            elif self.bound and self.operation is not None:
                body = limit_output(body, self.bound, self.operation.path)
            request = upstream_request(
                head, self.lane.service, deployment, self.upstream_path, body, self.digits, said,
                self.operation is not None, self.adds_usage,
            )  # fmt: skip
        except Exception as error:
            self._unsendable(connection, error)
            return
        connection.send(self, request, head.method == "HEAD")

    def _unsendable(self, connection: UpstreamConnection, error: Exception) -> None:
        """No request can be made of it. The connection serves others, and nothing of this reaches the call that may
        just have given it back.
        """
        self.upstream = None
        self._leave_deployment()
        self.gateway.loop.call_soon(connection.pool.give_back, connection)
        if isinstance(error, Refused):
            self.refuse(error)
        else:
            self.broke(error)

    def connect_failed(self, code: str, detail: str) -> None:
        """Nothing was sent: another deployment may take the call."""
        self._failed_upstream(code, detail, unsent=True)

    def no_connection_free(self) -> None:
        """Too many wait for this deployment: another one, or another service, may take the call."""
        if self.done:
            return
        deployment = self._leave_deployment()
        others = self.tried | {deployment.id}
        if len(others) < len(self.lane.release.deployments):
            self.tried = others
            try:
                self._hold_and_send()
                return
            except Refused:
                pass
        busy = Refused("busy", "Too many calls wait for this service.")
        if not self._falls_back(busy, None):
            self.refuse(busy)

    def _leave_deployment(self) -> Deployment:
        """It never saw the call: it is not blamed, nothing is metered, and what was held is given back."""
        deployment, self.deployment = self.deployment, None
        assert deployment is not None
        deployment.inflight -= 1
        self.hold.release()
        return deployment

    # What the upstream answers.

    def upstream_head(self, head: AnswerHead, length: bytes) -> None:
        """The answer begins."""
        now = self.first_byte_at = _monotonic()
        status = self.status = head.status
        deployment, router = self.deployment, self.gateway.router
        assert deployment is not None
        if status >= 500 or status == 429:
            router.failed(deployment, now)
            wait = fields.retry_after(head.fields) if status in (429, 503) else 0
            if wait:
                router.cool_down(deployment, wait, now)
        else:
            router.succeeded(deployment, int((now - self.sent_at) * 1e6))
        asked = self.head
        self.relay = Relay(
            head, length, metered=self.operation is not None, head_only=asked.method == "HEAD", http10=asked.http10,
            drop_usage=self.adds_usage,
        )  # fmt: skip
        if self.form is not None:
            self.relay.read_all_text()

    def _watch_stream(self) -> None:
        """A stream that the request does not bound may need more than is held."""
        self.watched = True
        is_bound = self.bound or output_bound(self.model_request) >= 0
        if self.lane.needs_tokens and self.hold.estimate.out and not is_bound:
            self.stream_hold = StreamHold(self, self.hold, self.gateway.leases)

    def upstream_data(self, pieces: list[bytes], complete: bool) -> None:
        """Body came; at the end the event is written before the last byte goes out."""
        relay, deployment = self.relay, self.deployment
        assert relay is not None
        assert deployment is not None
        out = relay.feed(pieces, complete)
        now = _monotonic()
        if self.settling:
            self.rest += out or b""
            self._rest_came(complete)
            return
        if complete:
            self.upstream = None
            self._finish(relay, out, now)
            return
        self.deadline = min(now + deployment.timeout, self.started + _LONGEST_CALL_SECONDS)
        if out is not None:
            if relay.last_event_seen:
                if not self._settle(now, wait=True):
                    self.rest = out
                    return
                self.gateway.spool.flush()
            self._write(out, now)
            stream = relay.stream
            if stream is not None and not self.watched:
                self._watch_stream()
            stream_hold = self.stream_hold
            if stream_hold is not None and stream is not None and stream.text_bytes >= stream_hold.mark:
                stream_hold.flowed(stream.text_bytes, now)

    def _write(self, out: bytes, now: float) -> None:
        relay = self.relay
        assert relay is not None
        if not relay.head_sent:
            out = self._head(relay, now) + out
        if out and not self.client_left:
            self.client.write(out)

    def _head(self, relay: Relay, now: float) -> bytes:
        relay.head_sent = True
        if not self.overhead_us:
            self._measure(now)
        head = self._moved(relay) if relay.location else relay.head()
        if self.head.anthropic:
            head = fields.without_field(head, b"request-id")  # the one that these clients read is ours
        return b"".join((head, self._own_headers(), self.client.connection_header(relay.closes), b"\r\n"))

    def _moved(self, relay: Relay) -> bytes:
        """The head of an answer that sends the client on: to the same service, where it means its own address."""
        head, location = relay.head(), relay.location
        parts, deployment = self.head.path.split(b"/", 4), self.deployment
        if parts[1] != b"s" or deployment is None:
            return head
        there = as_clients_know_it(location, deployment.pool.authority, deployment.base, b"/".join(parts[:4]))
        return head.replace(b"\r\nlocation: %b\r\n" % location, b"\r\nlocation: %b\r\n" % there, 1)

    def _measure(self, now: float) -> None:
        first = self.first_byte_at or now
        self.overhead_us = max(1, int((self.sent_at - self.started + now - first) * 1e6))

    def _own_headers(self) -> bytes:
        """`RateLimit`, the request id and the time spent here."""
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

    def _finish(self, relay: Relay, out: bytes | None, now: float) -> None:
        if not self.overhead_us:
            self._measure(now)
        if self._settle(now, wait=True):
            self._end(relay, out, now)
        else:
            self.rest, self.rest_complete = out or b"", True

    def _end(self, relay: Relay, out: bytes | None, now: float) -> None:
        """The event is made: the rest of the answer goes out."""
        self.done = True
        gateway = self.gateway
        gateway.active.discard(self)
        if self.client_left:
            return
        head = b"" if relay.head_sent else self._head(relay, now)
        gateway.end_call(self.client, b"".join((head, out or b"", relay.terminator())), relay.closes)

    # What an answer needs beyond its hold.

    def more_came(self) -> None:
        """The control plane answered a top-up, or did not."""
        try:
            now = _monotonic()
            if self.stream_hold is not None:
                self.stream_hold.more_came(now)
            elif self.settling and not self.done and self._settle(now, wait=True):
                self._end_settling(now)
        except Exception as error:
            self.broke(error)

    def _waits_for_more(self, tokens: Tokens, now: float) -> bool:
        """Whether more is asked for than the call holds. It goes on when that came, or `PATIENCE_SECONDS` later."""
        lacking = self.hold.grow(tokens, now)
        if not lacking:
            return False
        if self.top_up is None:
            self.top_up = TopUp(self.gateway.leases, self, now)
        if not self.top_up.ask(lacking, now):
            return False
        self.settling = True
        self.deadline = self.top_up.until
        return True

    def _rest_came(self, complete: bool) -> None:
        """More of an answer whose last event was seen, while its usage event waits."""
        if complete:
            self.upstream, self.rest_complete = None, True

    def _end_settling(self, now: float) -> None:
        """The usage event was made at last: the answer goes on."""
        self.settling = False
        if self.cut:
            self._end_cut()
            return
        relay, deployment = self.relay, self.deployment
        assert relay is not None
        assert deployment is not None
        rest, self.rest = self.rest, b""
        if self.rest_complete:
            self._end(relay, rest, now)
            return
        self.deadline = min(now + deployment.timeout, self.started + _LONGEST_CALL_SECONDS)
        self.gateway.spool.flush()
        self._write(rest, now)

    def _stop_waiting(self, now: float) -> None:
        """What is held must do."""
        self._settle(now)
        self._end_settling(now)

    def wait_for_more(self) -> None:
        """The stream's text has used up what is held."""
        self.deadline = max(self.deadline, _monotonic() + PATIENCE_SECONDS + 1.0)
        if self.upstream is not None:
            self.upstream.pause_reading()

    def go_on(self) -> None:
        """The stream may have more text."""
        if self.upstream is not None and not self.paused:
            self.upstream.resume_reading()

    def run_out(self, refused: Refused) -> None:
        """Nothing more can be had for the stream: it ends here, and says why."""
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.close()
        self.ended = refused
        self.gateway.metrics.streams_ended += 1
        self._cut(_monotonic(), wait=False)

    def upstream_lost(self, code: str, detail: str) -> None:
        """The answer broke off, or never began."""
        self.upstream = None
        relay = self.relay
        now = _monotonic()
        if self.settling:
            self._rest_came(True)
            return
        if relay is not None and relay.last_event_seen:
            # All that was to come has come, but for the end of the connection.
            self._finish(relay, None, now)
            return
        if relay is None or not (relay.head_sent or self.client_left):
            self.relay = None
            if relay is not None and code == "upstream_unreachable":
                code = "upstream_bad_answer"
            self._failed_upstream(code, detail, unsent=False)
            return
        if self.deployment is not None:
            self.gateway.router.failed(self.deployment, now)
        self._cut(now, wait=True)

    def upstream_stale(self, *, unprocessed: bool) -> None:
        """Goes on with a fresh connection where nobody can have handled the request, or may do so twice. That says
        nothing about the deployment: neither blame nor the budget of retries.
        """
        deployment = self.deployment
        assert deployment is not None
        if self.client_left or not (unprocessed or self.repeatable):
            self.upstream_lost("upstream_unreachable", "It closed the connection before its answer began.")
            return
        self.upstream = None
        self.gateway.metrics.retries += 1
        deployment.pool.reconnect(self)

    def _cut(self, now: float, *, wait: bool) -> None:
        """The call ends in the middle of its answer: what came counts, as `partial`."""
        if not self.overhead_us:
            self._measure(now)
        self.cut = True
        if self._settle(now, wait=wait):
            self._end_cut()

    def _end_cut(self) -> None:
        """The event is made: the client's connection breaks, where no last event says why the answer ends."""
        self.gateway.spool.flush()
        self.done = True
        self.gateway.active.discard(self)
        if self.client_left:
            return
        relay, operation, ended = self.relay, self.operation, self.ended
        words = None
        if ended is not None and relay is not None and operation is not None:
            words = relay.last_words(last_event(ended, operation, self.request_id))
        if words is None or relay is None:
            self.client.abort()
        else:
            self.gateway.end_call(self.client, words, relay.closes)

    def _failed_upstream(self, code: str, detail: str, *, unsent: bool) -> None:
        now = _monotonic()
        deployment, self.deployment = self.deployment, None
        assert deployment is not None
        deployment.inflight -= 1
        self.gateway.router.failed(deployment, now)
        may = unsent or self.repeatable
        if (
            may
            and not self.client_left
            and self.attempts < _MAX_ATTEMPTS
            and now < self.deadline
            and self.gateway.router.may_retry()
        ):
            self.gateway.metrics.retries += 1
            self.hold.release()
            if len(self.tried) + 1 < len(self.lane.release.deployments):
                self.tried |= {deployment.id}
            try:
                self._hold_and_send()
                return
            except Refused:
                pass
        refused = Refused(code, detail)
        if may and not self.client_left and self._falls_back(refused, deployment):
            return
        self._fail(refused, deployment, now)

    def _fail(self, refused: Refused, deployment: Deployment, now: float) -> None:
        """The call ends without an answer of its service: free, but counted as a request."""
        self.deployment = deployment
        deployment.inflight += 1
        self.status = refused.code.status
        self.hold.count(slices_of(deployment, self.gateway.leases) if deployment.limited else [], now)
        self._measure(now)
        self._settle(now)
        self.gateway.spool.flush()
        self.refuse(refused)

    def _falls_back(self, refused: Refused, deployment: Deployment | None) -> bool:
        """Goes on with the next service that the plan names, where the consumer subscribes to it too and it speaks the
        same protocol; held, priced and metered as a call to that one. False where none will do.
        """
        fallbacks = self.fallbacks
        if fallbacks is None:
            fallbacks = self.fallbacks = list(self.lane.plan.fallbacks) if self.operation is not None else []
            self.asked = self.lane.service
        if self.failure is None or deployment is not None:
            self.failure, self.failed_at, self.failed_lane = refused, deployment, self.lane
        gateway, lane, hold, tried = self.gateway, self.lane, self.hold, self.tried
        while fallbacks:
            name = fallbacks.pop(0)
            try:
                other = find_lane(self.grant.terms, name, b"", gateway.catalog, gateway.leases)
                if other.service.protocol != lane.service.protocol or other.service in (lane.service, self.asked):
                    continue
                if self.operation is not None and self.operation.path in other.service.wrong_paths:
                    continue
                hold.release()
                self.lane, self.tried, self.attempts, self.rounds = other, frozenset(), 0, 0
                self.bound, self.scarce, self.returning = 0, False, False
                self.hold = Hold(other, gateway.leases, self._estimate() if other.needs_tokens else NO_TOKENS)
                self._hold_and_send()
            except Refused:
                self.lane, self.hold, self.tried = lane, hold, tried
                continue
            if self.lane is other:  # not where that one fell back in its turn
                gateway.metrics.fallbacks += 1
            return True
        return False

    @property
    def repeatable(self) -> bool:
        """Whether the request may be handled twice (RFC 9110, 9.2.2)."""
        return self.head.method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE") or bool(
            self.operation and self.operation.idempotent
        )

    # Ends.

    def _settle(self, now: float, *, wait: bool = False) -> bool:
        """The usage event, once: price, spends, the record in the spool. With `wait`, false where more than is held is
        asked for first.
        """
        if self.settled:
            return True
        deployment, relay, gateway, hold, cut = self.deployment, self.relay, self.gateway, self.hold, self.cut
        assert deployment is not None
        failed = not is_owed(self.status)
        tokens, source, doubt = NO_TOKENS, b"partial" if cut else b"provider", b""
        claimed = tokens
        if self.stream_hold is not None:
            self.stream_hold.stop()
            self.stream_hold = None
        if self.operation is not None and not failed:
            tokens, source = tokens_of(self.operation, relay, self.status, self.model_request, cut)
            if source == FAILED:
                self.status, failed, source = 502, True, b"provider"
                gateway.router.failed(deployment, now)
            elif tokens.into > hold.estimate.into or tokens.out > hold.estimate.out:
                claimed = tokens
                tokens, source, doubt = believe(tokens, source, self._asked())
        if wait and not failed and not hold.covers(tokens) and self._waits_for_more(tokens, now):
            return False
        self.settled = True
        deployment.inflight -= 1
        paid, due, spends = hold.settle(tokens, failed=failed, now=now)
        common = common_of(gateway.id, self.lane, deployment, self.operation_name)
        streamed = relay is not None and relay.stream is not None
        flags = FLAGS[2 * streamed + self.client_left]
        asked = self.asked
        if asked is not None and asked is not self.lane.service:
            flags = b'%b,"asked_service_id":"%b"' % (flags, asked.wire.id.encode("ascii"))
        if paid is not tokens or doubt or self.ended is not None:
            unpaid = hold.unpaid(tokens, due) if not failed else 0
            ended_by = self.ended.code.name if self.ended is not None else ""
            flags += more_fields(tokens, paid, unpaid, ended_by, doubt, claimed)
            gateway.metrics.counts_doubted += bool(doubt)
        bytes_out = relay.bytes_out if relay is not None else 0
        first_byte_us = int(((self.first_byte_at or now) - self.started) * 1e6)
        duration_us = int((now - self.started) * 1e6)
        event = encode_event(
            common, self.grant.quoted_key_id, self.digits, self.started_ns // 1000, self.status, flags, paid,
            len(self.body), bytes_out, first_byte_us, duration_us, self.overhead_us, due, source, spends,
        )  # fmt: skip
        gateway.spool.append_event(event, common.start_bytes, common.checksum)
        self.admitted = False
        if self.top_up is not None:
            self.top_up.done = True
        gateway.metrics.answered(self.status, self.overhead_us)
        return True

    def _asked(self) -> Asked:
        """What bounds the counts of the answer."""
        assert self.operation is not None
        window = self.lane.service.wire.context_window
        return Asked(self.operation, self.model_request, self.body, self.relay, self.bound, window)

    def broke(self, error: Exception) -> None:
        """A fault of ours must not leave the call hanging."""
        log("call_broke", error=repr(error), request_id=self.request_id)
        self.refuse(Refused("internal_error", "Something broke here."))

    def refuse(self, refused: Refused) -> None:
        """Ends the call with our own answer, giving everything back."""
        if self.done:
            return
        self.done = True
        gateway = self.gateway
        gateway.active.discard(self)
        if self.stream_hold is not None:
            self.stream_hold.stop()
        if self.admitted:
            self.admitted = False
            gateway.spool.unreserve()
            self.hold.release()
        gateway.metrics.refused[refused.code.name] += 1
        if self.client_left:
            return
        head, body = answer(refused, self.head.path, self.request_id)
        if self.head.method == "HEAD":
            body = b""
        self.client.end_call(b"".join((head, self._own_headers(), self.client.connection_header(), b"\r\n", body)))

    def left(self) -> None:
        """The client closed its connection."""
        if self.done:
            return
        self.client_left = True
        self.gateway.metrics.client_left += 1
        deployment, upstream = self.deployment, self.upstream
        if self.settling:
            if upstream is not None:
                upstream.close()
            self._rest_came(True)
            self._stop_waiting(_monotonic())
            return
        if deployment is None or upstream is None:
            self._leave_unsent()
            return
        if deployment.wire.on_disconnect == "drain":
            upstream.resume_reading()
            return
        upstream.close()
        self.upstream = None
        self.status = self.status or 499
        self._cut(_monotonic(), wait=True)

    def _leave_unsent(self) -> None:
        """Nothing was sent upstream: nothing is owed."""
        if self.deployment is not None and not self.settled:
            self.deployment.inflight -= 1
        self.done = True
        self.gateway.active.discard(self)
        if self.admitted:
            self.admitted = False
            self.gateway.spool.unreserve()
            self.hold.release()

    def expire(self) -> None:
        """The deadline has passed."""
        if self.settling:
            self._stop_waiting(_monotonic())
            return
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.close()
        deployment = self.deployment
        if deployment is None:
            self.refuse(Refused("busy", "The control plane took too long."))
        elif upstream is None and self.relay is None and deployment.pool.full:
            self._leave_deployment()
            self.refuse(Refused("busy", "No connection to this service became free in time."))
        else:
            self.attempts = _MAX_ATTEMPTS
            self.upstream_lost("upstream_timeout", "It gave no whole answer in time.")

    def pause(self) -> None:
        """The client reads too slowly."""
        self.paused = True
        if self.upstream is not None:
            self.upstream.pause_reading()

    def resume(self) -> None:
        """The client caught up."""
        self.paused = False
        if self.upstream is not None and (self.stream_hold is None or not self.stream_hold.waits):
            self.upstream.resume_reading()
