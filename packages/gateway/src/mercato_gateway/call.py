"""A call from the end of its request: authenticate, find the lane, admit; from there see `attempt` and `answering`.

Each step runs at once where it can. Where it has to wait (for an unknown key, a slice, a connection) the call is called
back. `ending` has what a call knows and holds, and every way in which it ends.
"""

import time

from mercato_gateway import headers as fields
from mercato_gateway.attempt import MAX_ATTEMPTS, AttemptingCall
from mercato_gateway.authenticate import Grant
from mercato_gateway.bodies import read_other_request, read_request
from mercato_gateway.codings import decode
from mercato_gateway.forms import read_form
from mercato_gateway.holds import require_address
from mercato_gateway.lane import Lane, find_lane
from mercato_gateway.models import list_models
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.refusals import Refused
from mercato_gateway.targets import MODEL_PATHS, ModelOperation, model_operation, read_service_path, wrong_task

_PATIENCE_SECONDS = 15.0  # for the control plane
_monotonic = time.monotonic


class Call(AttemptingCall):
    """One call of a client, up to its usage event and the last byte of its answer."""

    def start(self) -> None:
        """Takes the call as far as it can go now."""
        tracer = self.gateway.tracer
        if tracer is not None:
            self.trace = tracer.begin(self)
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
            self.deadline = self.started + _PATIENCE_SECONDS
            gateway.active.add(self)
            if self.trace is not None:
                self.trace.open_child("POST /internal/keys/introspect", self.started, {})
            gateway.keys.introspect(head.key, self, self.started)
        else:
            self._authorised(grant)

    def key_known(self, grant: Grant) -> None:
        """The control plane knows the key."""
        if self.trace is not None:
            self.trace.close_child(_monotonic(), "")
        try:
            self._authorised(grant)
        except Refused as refused:
            self.refuse(refused)
        except Exception as error:
            self.broke(error)

    def _authorised(self, grant: Grant) -> None:
        self.grant = grant
        if grant.addresses is not None:
            require_address(grant.addresses, self.address, self.head.headers, self.gateway.settings.trusted_proxies)
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
        request = self.head
        anthropic = b"anthropic-version" in request.fields
        body = list_models(self.gateway.catalog, self.grant.terms, request.method, request.path, anthropic)
        self._finish()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self._respond(head.encode(), body)

    # The lane.

    def _lane(self, model: str) -> Lane:
        subscription = self.head.fields.get(b"x-mercato-subscription", b"")
        return find_lane(self.grant.terms, model, subscription, self.gateway.catalog, self.gateway.leases)

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
        """A model service called by its path: metered, and kept to its model, like a call under `/v1`.

        The body is read as JSON whatever the method and the content type, because an upstream may do so too; only forms
        are not.
        """
        head, is_known = self.head, path in MODEL_PATHS
        if head.coded and self.body:
            self._decode_body()
        body = self.body
        if not body:
            return
        if is_known or not fields.is_form(head.headers, head.fields):
            request = self.model_request = read_request(body) if is_known else read_other_request(body)
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
        """A body that must be read here is metered and passed on without its compression."""
        self.body = decode(self.head.headers, self.body, self.gateway.settings.max_body_bytes)

    def _decide_usage(self, operation: ModelOperation, request: ModelRequest) -> None:
        """Upstream is asked for the usage of every stream, also where the client did not ask (`adds_usage`)."""
        if operation.ask_usage and request.stream:
            options = request.stream_options
            self.adds_usage = not (isinstance(options, dict) and options.get("include_usage"))

    def _admit(self) -> None:
        gateway = self.gateway
        if not self.held.reserve_room():
            trouble = gateway.spool.trouble or "too many calls in flight"
            raise Refused("usage_spool_full", f"There is no room to record usage: {trouble}.", retry_after=5)
        gateway.active.add(self)
        self.held.replace_hold(self._new_hold(self.lane))
        self.deadline = self.started + _PATIENCE_SECONDS
        self._hold_and_send()

    # Ends that the client or the clock decides.

    def left(self) -> None:
        """The client closed its connection."""
        if self.done:
            return
        self.client_left = True
        self.gateway.metrics.client_left += 1
        deployment, connection = self.deployment, self.held.connection
        if self.topping_up:
            self.held.close_connection()
            self._withhold(True)
            self._give_up_top_up(_monotonic())
        elif deployment is None or connection is None:
            self._finish()  # nothing was sent upstream, so nothing is owed
        elif deployment.wire.on_disconnect == "drain":
            connection.resume_reading()
        else:
            self.held.close_connection()
            self.status = self.status or 499
            self._cut(_monotonic(), wait=True)

    def expire(self) -> None:
        """The deadline has passed."""
        if self.topping_up:
            self._give_up_top_up(_monotonic())
            return
        was_sent = self.held.connection is not None
        self.held.close_connection()
        deployment = self.deployment
        if deployment is None:
            self.refuse(Refused("busy", "The control plane took too long."))
        elif not was_sent and self.relay is None and deployment.pool.full:
            self._leave_deployment()
            self.refuse(Refused("busy", "No connection to this service became free in time."))
        else:
            self.attempts = MAX_ATTEMPTS
            self.upstream_lost("upstream_timeout", "It gave no whole answer in time.")
