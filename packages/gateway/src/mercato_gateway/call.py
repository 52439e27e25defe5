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
from mercato_gateway.bodies import ModelRequest, read_request, rewrite
from mercato_gateway.catalog import Deployment
from mercato_gateway.lane import Lane, choose_subscription
from mercato_gateway.models import list_models
from mercato_gateway.refusals import Refused, render, shape_of
from mercato_gateway.relay import Relay
from mercato_gateway.settle import call_digits, encode_event
from mercato_gateway.streams import EventStream
from mercato_gateway.targets import ModelOperation, model_operation, read_service_path, split_model
from mercato_gateway.tokens import Tokens, estimate_input, read_answer, read_tail, to_tokens
from mercato_gateway.upstream import UpstreamConnection
from mercato_gateway.wire import UsageEvent, UsageSource

if TYPE_CHECKING:
    from mercato_gateway.gateway import Gateway
    from mercato_gateway.server import ClientConnection

_NOTHING = Tokens(0, 0, 0)
_LANES_KEPT = 256
_MAX_ROUNDS = 8
_MAX_ATTEMPTS = 3
_LONGEST_CALL_SECONDS = 3600.0
_monotonic = time.monotonic


class Call:
    """A call from the end of its request to its usage event. `done` once nothing more may happen to it."""

    done = False
    grant: Grant
    lane: Lane
    hold: Hold
    operation: ModelOperation | None = None
    operation_name = ""
    model_request: ModelRequest | None = None
    deployment: Deployment | None = None
    upstream: UpstreamConnection | None = None
    relay: Relay | None = None
    upstream_path = b""
    key = b""
    key_header = b""
    tried: frozenset[str] = frozenset()
    attempts = 0
    rounds = 0
    has_lane = False
    admitted = False
    client_left = False
    settled = False
    paused = False
    adds_usage = False
    status = 0
    sent_at = 0.0
    first_byte_at = 0.0
    deadline = 0.0
    overhead_us = 0
    bytes_out = 0

    def __init__(
        self, gateway: "Gateway", client: "ClientConnection", method: str, path: bytes, query: bytes,
        headers: list[tuple[bytes, bytes]], found: fields.Fields, body: bytes,
    ) -> None:  # fmt: skip
        self.gateway = gateway
        self.client = client
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.fields = found
        self.body = body
        self.started_ns = time.time_ns()
        self.started = _monotonic()
        self.digits = call_digits(self.started_ns)

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
        self.key, self.key_header = fields.find_key(self.fields)
        if not self.key:
            raise Refused("key_missing", "This call has no key.")
        grant = gateway.keys.find(self.key, self.started)
        if grant is None:
            self.deadline = self.started + 15.0
            gateway.active.add(self)
            gateway.keys.ask(self.key, self, self.started)
        else:
            self._authorised(grant)

    def key_known(self, grant: Grant) -> None:
        """The control plane knows the key."""
        try:
            self._authorised(grant)
        except Refused as refused:
            self.refuse(refused)

    def _authorised(self, grant: Grant) -> None:
        self.grant = grant
        if self.path.startswith(b"/s/"):
            self._find_service_lane()
        elif self.path == b"/v1/models" or self.path.startswith(b"/v1/models/"):
            self._answer_models()
            return
        else:
            self._find_model_lane()
        self._admit()

    def _answer_models(self) -> None:
        anthropic = b"anthropic-version" in self.fields
        body = list_models(self.gateway.catalog, self.grant, self.method, self.path, anthropic)
        self.done = True
        self.gateway.active.discard(self)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n".encode()
        self.client.end_call(b"".join((head, self._own_headers(), self.client.connection_header(), b"\r\n", body)))

    def _find_model_lane(self) -> None:
        operation = self.operation = model_operation(self.method, self.path)
        request = self.model_request = read_request(self.body)
        if not isinstance(request.model, str) or not request.model:
            raise Refused("model_missing", "The body has no `model`.")
        lane = self.lane = self._lane(*split_model(request.model))
        self.has_lane = True
        if lane.service.wire.protocol != operation.protocol:
            detail = f"{lane.service.name} speaks {lane.service.wire.protocol}, not {operation.protocol}."
            raise Refused("operation_not_found", detail, facts={"protocol": lane.service.wire.protocol})
        self._decide_usage(operation, request)
        self.operation_name = operation.name
        self.upstream_path = operation.path.encode()

    def _find_service_lane(self) -> None:
        target = read_service_path(self.path)
        lane = self.lane = self._lane(target.service, target.wanted)
        self.has_lane = True
        wire = lane.service.wire
        if wire.paths == "any":
            self.operation_name = f"{self.method} {target.path}"[:300]
        else:
            self.operation_name = lane.release.operations.find(self.method, target.path)[:300]
        self.upstream_path = target.raw
        if wire.protocol in ("openai", "anthropic"):
            self._read_model_body(target.path)

    def _read_model_body(self, path: str) -> None:
        """A model service called by its path: metered, and held to its model, like a call under `/v1`."""
        # Whatever the type says: an upstream may read a JSON body as one.
        if self.method == "POST" and (fields.is_json(self.fields) or self.body.lstrip()[:1] == b"{"):
            request = self.model_request = read_request(self.body)
            chat = path in ("/chat/completions", "/completions")
            protocol = self.lane.service.wire.protocol
            gives = path not in ("/embeddings", "/messages/count_tokens")
            operation = self.operation = ModelOperation(protocol, path, self.operation_name, not gives, chat, gives)
            self._decide_usage(operation, request)

    def _decide_usage(self, operation: ModelOperation, request: ModelRequest) -> None:
        """A streamed call always asks upstream for its usage; `adds_usage` where the client had not."""
        if operation.ask_usage and request.stream:
            options = request.stream_options
            self.adds_usage = not (isinstance(options, dict) and options.get("include_usage"))

    def _lane(self, name: str, wanted: str) -> Lane:
        grant, catalog = self.grant, self.gateway.catalog
        named = self.fields.get(b"x-mercato-subscription", b"")
        key = (name, wanted, named)
        lane: Lane | None = grant.lanes.get(key)
        if lane is not None and lane.version == catalog.version:
            return lane
        service = catalog.find(name)
        if service is None:
            raise Refused("service_not_found", f"There is no service `{name[:130]}`.")
        subscription = choose_subscription(grant, service, named.decode("latin-1"))
        lane = Lane(grant, service, service.release_for(wanted), subscription, self.gateway.leases, catalog.version)
        if len(grant.lanes) >= _LANES_KEPT:
            grant.lanes.clear()
        grant.lanes[key] = lane
        return lane

    # Admit and route.

    def _admit(self) -> None:
        gateway = self.gateway
        if gateway.draining and self.client.closing:
            raise Refused("draining", "The gateway is stopping.")
        if not gateway.spool.reserve():
            raise Refused(
                "usage_spool_full",
                f"Usage has no room: {gateway.spool.trouble or 'too many calls in flight'}.",
                retry_after=5,
            )
        self.admitted = True
        gateway.active.add(self)
        self.hold = Hold(self.lane, gateway.leases, self._estimate() if self.lane.needs_tokens else _NOTHING)
        self.deadline = self.started + 15.0
        self._hold_and_send()

    def _estimate(self) -> Tokens:
        if self.operation is None or self.model_request is None:
            return _NOTHING
        out = self.model_request.output_tokens() if self.operation.gives_tokens else 0
        return Tokens(estimate_input(self.body), out, 0)

    def _hold_and_send(self) -> None:
        gateway = self.gateway
        now = _monotonic()
        while True:
            deployment = gateway.router.choose(self.lane.release, now, self.tried)
            slices = slices_of(deployment, gateway.leases) if deployment.wire.limits else []
            lacking = self.hold.take(slices, now)
            if lacking is None:
                break
            self.rounds += 1
            if self.rounds > _MAX_ROUNDS:
                piece, need = lacking[0][0]
                raise piece.refusal(need, now)
            try:
                gateway.leases.wait(self, lacking[0], now, part=lacking[1])
            except Refused:
                others = self.tried | {deployment.id}
                if lacking[0][0][0] in slices and len(others) < len(self.lane.release.deployments):
                    self.tried = others
                    continue
                raise
            return
        self._connect(deployment, now)

    def leases_came(self) -> None:
        """Slices came, or will not come: try again."""
        try:
            self._hold_and_send()
        except Refused as refused:
            self.refuse(refused)

    def _connect(self, deployment: Deployment, now: float) -> None:
        self.deployment = deployment
        deployment.inflight += 1
        self.attempts += 1
        self.sent_at = now if self.attempts > 1 else _monotonic()
        self.deadline = self.sent_at + deployment.wire.timeout_ms / 1000
        connection = deployment.pool.take(self, now)
        if connection is not None:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """Sends the request; the upstream answers with the methods below."""
        self.upstream = connection
        connection.send(self, self._upstream_request(), self.method == "HEAD")

    def _upstream_request(self) -> bytes:
        deployment = self.deployment
        assert deployment is not None
        body = self._upstream_body(deployment)
        target = deployment.base + self.upstream_path
        if self.query:
            target += b"?" + self.query
        identity = self.operation is not None
        lines = fields.for_upstream(self.headers, self.fields, self.key_header, identity=identity)
        length = b"content-length: %d\r\n" % len(body) if body or self.method in ("POST", "PUT", "PATCH") else b""
        return b"".join(
            (
                self.method.encode(), b" ", target, b" HTTP/1.1\r\nhost: ", deployment.pool.authority, b"\r\n", lines,
                b"x-request-id: req_", self.digits.encode(), b"\r\n", length, b"\r\n", body,
            )
        )  # fmt: skip

    def _upstream_body(self, deployment: Deployment) -> bytes:
        request = self.model_request
        if request is None:
            return self.body
        name: str | None = deployment.wire.upstream_model
        if name is None and self.path.startswith(b"/v1/"):
            name = self.lane.service.wire.name
        if not isinstance(request.model, str):
            name = None
        return rewrite(self.body, name, ask_usage=self.adds_usage)

    def connect_failed(self, code: str, detail: str) -> None:
        """Nothing was sent: another deployment may take the call."""
        self._failed_upstream(code, detail, unsent=True)

    # What the upstream answers.

    def upstream_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The answer begins."""
        now = self.first_byte_at = _monotonic()
        self.status = status
        deployment = self.deployment
        assert deployment is not None
        if status >= 500 or status == 429:
            self.gateway.router.failed(deployment, now)
            wait = fields.retry_after(dict(headers)) if status in (429, 503) else 0
            if wait:
                self.gateway.router.cool_down(deployment, wait, now)
        else:
            self.gateway.router.succeeded(deployment, int((now - self.sent_at) * 1e6))
        self.relay = Relay(
            status, headers, metered=self.operation is not None, head_only=self.method == "HEAD",
            http10=self.client.http10,
            drop_usage=self.adds_usage,
        )  # fmt: skip

    def upstream_data(self, pieces: list[bytes], complete: bool) -> None:
        """Body came; at the end the event is written before the last byte goes out."""
        relay = self.relay
        assert relay is not None
        now = _monotonic()
        assert self.deployment is not None
        self.deadline = min(now + self.deployment.wire.timeout_ms / 1000, self.started + _LONGEST_CALL_SECONDS)
        out = relay.feed(pieces, complete)
        if complete:
            self.upstream = None
            self._finish(relay, out, now)
        elif out is not None:
            if relay.last_event_seen:
                self._settle(now)
            self._write(out, now)

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
        return b"".join((relay.head(), self._own_headers(), self.client.connection_header(relay.closes), b"\r\n"))

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
        return b"%bx-request-id: req_%b\r\nx-mercato-overhead-us: %d\r\n" % (
            limits,
            self.digits.encode(),
            self.overhead_us,
        )

    def _finish(self, relay: Relay, out: bytes | None, now: float) -> None:
        self._measure(now) if not self.overhead_us else None
        self._settle(now)
        self.done = True
        self.gateway.active.discard(self)
        if self.client_left:
            return
        head = b"" if relay.head_sent else self._head(relay, now)
        self.client.end_call(b"".join((head, out or b"", relay.terminator())), close=relay.closes)

    def upstream_lost(self, code: str, detail: str) -> None:
        """The answer broke off, or never began."""
        self.upstream = None
        if self.relay is None:
            self._failed_upstream(code, detail, unsent=False)
            return
        now = _monotonic()
        if self.deployment is not None:
            self.gateway.router.failed(self.deployment, now)
        self._cut(now)
        if not self.client_left:
            self.client.abort()

    def _cut(self, now: float) -> None:
        """The call ends in the middle of its answer: what came counts, as `partial`."""
        if not self.overhead_us:
            self._measure(now)
        self._settle(now, cut=True)
        self.done = True
        self.gateway.active.discard(self)

    def _failed_upstream(self, code: str, detail: str, *, unsent: bool) -> None:
        now = _monotonic()
        deployment, self.deployment = self.deployment, None
        assert deployment is not None
        deployment.inflight -= 1
        self.gateway.router.failed(deployment, now)
        may = unsent or self._idempotent
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
        self.deployment = deployment
        deployment.inflight += 1
        refused = Refused(code, detail)
        self.status = refused.code.status
        self._measure(now)
        self._settle(now)
        self.refuse(refused)

    @property
    def _idempotent(self) -> bool:
        return self.method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE") or bool(
            self.operation and self.operation.idempotent
        )

    # Ends.

    def _settle(self, now: float, *, cut: bool = False) -> None:
        """The usage event, once: price, spends, the record in the spool."""
        if self.settled:
            return
        self.settled = True
        deployment = self.deployment
        assert deployment is not None
        deployment.inflight -= 1
        relay = self.relay
        failed = not is_owed(self.status)
        tokens, source = self._tokens(relay, cut) if not failed else (_NOTHING, "partial" if cut else "provider")
        due, spends = self.hold.settle(tokens, failed=failed, now=now)
        lane, grant = self.lane, self.grant
        wire = lane.service.wire
        bytes_out = relay.bytes_out if relay is not None else 0
        first = self.first_byte_at or now
        event = UsageEvent(
            "use_" + self.digits, self.started_ns // 1000, "req_" + self.digits, self.gateway.id,
            grant.consumer_id, grant.key_id,
            lane.subscription.id, lane.plan.id, wire.vendor_id, wire.id, lane.release.id, deployment.id, wire.protocol,
            self.operation_name, self.status, relay is not None and relay.stream is not None, self.client_left,
            tokens.into, tokens.out, tokens.cached, len(self.body), bytes_out, int((first - self.started) * 1e6),
            int((now - self.started) * 1e6), self.overhead_us, due.included, due.nanos, lane.plan.currency,
            source, spends,
        )  # fmt: skip
        self.gateway.spool.append_event(encode_event(event))
        self.admitted = False
        self.gateway.metrics.answered(self.status, self.overhead_us)

    def _tokens(self, relay: Relay | None, cut: bool) -> tuple[Tokens, UsageSource]:
        """The tokens of the call and who counted them."""
        if self.operation is None:
            return _NOTHING, "partial" if cut else "provider"
        stream: EventStream | None = relay.stream if relay is not None else None
        text = 0
        said: Tokens | None = None
        if stream is not None:
            said, text = stream.tokens, stream.text_bytes
        elif relay is not None and relay.json:
            said, text = (read_tail(relay.tail), relay.bytes_out) if relay.overflowed else read_answer(relay.whole)
        if said is not None and not cut:
            return said, "provider"
        if self.status >= 400 and not cut:
            return _NOTHING, "provider"
        into = said.into if said is not None and said.into else estimate_input(self.body)
        out = to_tokens(text) if self.operation.gives_tokens else 0
        return Tokens(
            into, max(out, said.out if said else 0), said.cached if said else 0
        ), "partial" if cut else "estimated"

    def refuse(self, refused: Refused) -> None:
        """Ends the call with our own answer, giving everything back."""
        if self.done:
            return
        self.done = True
        gateway = self.gateway
        gateway.active.discard(self)
        if self.admitted:
            self.admitted = False
            gateway.spool.unreserve()
            self.hold.release()
        gateway.metrics.refused[refused.code.name] += 1
        if self.client_left:
            return
        kind, body = render(refused, shape_of(self.path), "req_" + self.digits)
        lines = [
            f"HTTP/1.1 {refused.code.status} {refused.code.title}\r\n",
            f"content-type: {kind.decode()}\r\ncontent-length: {len(body)}\r\n",
        ]
        if refused.retry_after is not None:
            lines.append(f"retry-after: {refused.retry_after}\r\n")
        if refused.allow:
            lines.append(f"allow: {refused.allow}\r\n")
        if refused.code.status == 401:
            lines.append('www-authenticate: Bearer realm="mercato"\r\n')
        if self.method == "HEAD":
            body = b""
        head = "".join(lines).encode("ascii")
        self.client.end_call(b"".join((head, self._own_headers(), self.client.connection_header(), b"\r\n", body)))

    def left(self) -> None:
        """The client closed its connection."""
        if self.done:
            return
        self.client_left = True
        self.gateway.metrics.client_left += 1
        deployment, upstream = self.deployment, self.upstream
        if deployment is None or upstream is None:
            self._leave_unsent()
            return
        if deployment.wire.on_disconnect == "drain":
            upstream.resume_reading()
            return
        upstream.close()
        self.upstream = None
        self.status = self.status or 499
        self._cut(_monotonic())

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
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.close()
        if self.deployment is None:
            self.refuse(Refused("busy", "The control plane took too long."))
        elif self.relay is None:
            self.attempts = _MAX_ATTEMPTS
            self._failed_upstream("upstream_timeout", "It gave no answer in time.", unsent=False)
        else:
            self.upstream_lost("upstream_timeout", "")

    def pause(self) -> None:
        """The client reads too slowly."""
        self.paused = True
        if self.upstream is not None:
            self.upstream.pause_reading()

    def resume(self) -> None:
        """The client caught up."""
        self.paused = False
        if self.upstream is not None:
            self.upstream.resume_reading()
