"""Who answers a call: a deployment for which everything is held, another one after a failure, or a fallback service."""

import time

from mercato_gateway.admit import NO_SLICES, Hold, slices_of
from mercato_gateway.answering import AnsweringCall
from mercato_gateway.bodies import USUAL_OUTPUT_TOKENS, choices_of, limit_output, output_bound, output_tokens
from mercato_gateway.catalog import Deployment
from mercato_gateway.connection import UpstreamConnection
from mercato_gateway.forward import upstream_request
from mercato_gateway.lane import Lane, find_lane, policy_of
from mercato_gateway.refusals import Refused
from mercato_gateway.slices import Lacking, Slice
from mercato_gateway.tokens import NO_TOKENS, Tokens, estimate_input

# Operations whose requests can be given a bound of output where they set none.
_BOUNDED_PATHS = frozenset({"/chat/completions", "/completions", "/responses", "/messages"})
_REPEATABLE_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
_MAX_ROUNDS = 64
MAX_ATTEMPTS = 3
_monotonic = time.monotonic


class AttemptingCall(AnsweringCall):
    """An admitted call, on the way to a deployment that answers it.

    Near a cap (`near_cap`) a call whose output can be bounded takes what is left, and its request gets that bound.
    """

    upstream_path: bytes = b""
    tried: frozenset[str] = frozenset()
    attempts: int = 0
    # How often slices were requested for this hold.
    rounds: int = 0
    near_cap: bool = False
    # What this worker gave back of the limits is about to be free again.
    awaits_returns: bool = False
    # Names of fallback services that were not tried yet.
    fallbacks: list[str] | None = None
    # Why the last service that was tried gave no answer; its lane, and its deployment where that was called.
    failure: Refused | None = None
    failed_at: Deployment | None = None
    failed_lane: Lane | None = None

    def _estimate(self) -> Tokens:
        operation, request = self.operation, self.model_request
        if operation is None or request is None:
            return NO_TOKENS
        return Tokens(estimate_input(request), output_tokens(request) if operation.gives_tokens else 0, 0)

    def _new_hold(self, lane: Lane) -> Hold:
        """An empty hold for this call under this lane."""
        return Hold(lane, self.gateway.leases, self._estimate() if lane.needs_tokens else NO_TOKENS)

    def _hold_and_send(self) -> None:
        """Chooses a deployment, holds what the call may use and sends it. Where slices are lacking the call waits:
        `leases_arrived` begins again. Raises `Refused`.
        """
        router, now = self.gateway.router, _monotonic()
        while True:
            try:
                deployment = router.choose(self.lane.release, now, self.tried)
            except Refused as refused:
                if self._falls_back(refused, None):
                    return
                raise
            slices = slices_of(deployment, self.gateway.leases) if deployment.limited else NO_SLICES
            if slices and not deployment.policy:
                deployment.policy = policy_of(slices)
            self.deployment_slices, self.deployment_policy = slices, deployment.policy
            lacking = self.hold.take(slices, now)
            if lacking is None:
                if self.near_cap or not self._lowers_hold_near_cap(now):
                    self._connect(deployment, now)
                else:
                    self._wait_for_returns()
                return
            if not self._tries_again(deployment, slices, lacking, now):
                return

    def _tries_again(
        self, deployment: Deployment, slices: list[Slice], lacking: tuple[Lacking, bool], now: float
    ) -> bool:
        """Whether the call can try at once, with a lower bound or without this deployment; else it waits for slices.
        Raises `Refused`.
        """
        if self.awaits_returns:
            self.awaits_returns = False
            if self._requests_remainder(now):
                return False
        if self.near_cap and not self.bound and self._lower_bound(slices, now):
            return True
        self.rounds += 1
        missing, part = lacking
        slice_, need = missing[0]
        if self.rounds > _MAX_ROUNDS:
            raise slice_.refusal(need, now)
        if part and self.hold.included_may_return:
            self.gateway.leases.wait_for_returns(self)
            return False
        try:
            self._ask_for(missing, now, part=part)
        except Refused as refused:
            others = self.tried | {deployment.id}
            if slice_ in slices and len(others) < len(self.lane.release.deployments):
                self.tried = others
                return True
            if refused.code.status != 429 or not self._can_bound(missing):
                raise
            self._wait_for_returns()
        return False

    def _ask_for(self, lacking: Lacking, now: float, *, part: bool) -> None:
        """Waits for more of these slices. Raises `Refused`."""
        self.gateway.leases.wait(self, lacking, now, part=part)
        if self.trace is not None:
            self.trace.open_child("POST /internal/leases", now, {})

    def leases_arrived(self) -> None:
        """Slices were lent or denied: try again."""
        if self.trace is not None:
            self.trace.close_child(_monotonic(), "")
        try:
            self._hold_and_send()
        except Refused as refused:
            self._not_held(refused)
        except Exception as error:
            self.broke(error)

    def _not_held(self, refused: Refused) -> None:
        """A refusal by the limits of a fallback says nothing about the service that the client named: the next fallback
        is tried, or that service's failure is the answer.
        """
        failure, lane = self.failure, self.failed_lane
        if failure is None or lane is None or self.lane is lane:
            self.refuse(refused)
        elif not self._falls_back(failure, None):
            self.lane = lane
            self.held.replace_hold(Hold(lane, self.gateway.leases, NO_TOKENS))
            if self.failed_at is None:
                self.refuse(failure)
            else:
                self._fail(failure, self.failed_at, _monotonic())

    # Near a cap.

    def _can_bound(self, lacking: Lacking) -> bool:
        """Whether fewer output tokens would help where this is lacking, and upstream can be asked for fewer."""
        operation, request = self.operation, self.model_request
        if self.near_cap or operation is None or request is None or self.form is not None:
            return False
        if not operation.gives_tokens or not self.hold.estimate.out:
            return False
        if operation.path not in _BOUNDED_PATHS and output_bound(request) < 0:
            return False
        # A limit of a second or a minute is free again soon: the whole answer then is better than a part of it now.
        return all(slice_.unit in ("tokens", "nanos") and slice_.window in ("day", "month") for slice_, _ in lacking)

    def _lowers_hold_near_cap(self, now: float) -> bool:
        """Whether a request without a bound needs one, because a usual answer may be more than is left. The hold is
        then empty, and its estimate that of a usual answer.
        """
        request = self.model_request
        if request is None or not self.lane.needs_tokens or output_bound(request) >= 0 or not self._can_bound([]):
            return False
        hold = self.hold
        usual = Tokens(hold.estimate.into, USUAL_OUTPUT_TOKENS * choices_of(request), 0)
        if not hold.is_near_end(usual, now):
            return False
        hold.release()
        hold.estimate = usual
        return True

    def _wait_for_returns(self) -> None:
        """Requests all that is left of the limits, once what this worker gave back of them is free again."""
        self.near_cap = self.awaits_returns = True
        self.gateway.leases.wait_for_returns(self)

    def _requests_remainder(self, now: float) -> bool:
        """False where the call must do with the units at hand. Raises `Refused` where the control plane does not
        answer.
        """
        needs = self.hold.needs(self.hold.estimate)
        if not needs:
            return False
        try:
            self._ask_for(needs, now, part=True)
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

    # One attempt.

    def _connect(self, deployment: Deployment, now: float) -> None:
        self.deployment = deployment
        self.held.enter(deployment)
        self.attempts += 1
        self.sent_at = now if self.attempts > 1 else _monotonic()
        self.deadline = self.sent_at + deployment.timeout
        if self.trace is not None:
            host = deployment.pool.authority.decode("ascii")
            says: dict[str, str | int | bool] = {"server.address": host, "mercato.deployment_id": deployment.id}
            if self.attempts > 1:
                says["http.request.resend_count"] = self.attempts - 1
            self.trace.open_child(f"{self.head.method} upstream", self.sent_at, says)
        connection = deployment.pool.take(self, now)
        if connection is not None:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """Sends the request; the upstream's answer arrives in `upstream_head` and `upstream_data`."""
        self.held.connection = connection
        deployment, head, body, model_request = self.deployment, self.head, self.body, self.model_request
        assert deployment is not None
        digits, trace = self.digits, self.trace
        if trace is not None and trace.tells_vendors:
            digits = b"%b\r\ntraceparent: %b" % (digits, trace.header().encode())
        try:
            if self.form is not None:
                body, model_request = self.form.named(deployment.wire.upstream_model), None
            elif self.bound and self.operation is not None:
                body = limit_output(body, self.bound, self.operation.path)
            request = upstream_request(
                head, self.lane.service, deployment, self.upstream_path, body, digits, model_request,
                self.operation is not None, self.adds_usage,
            )  # fmt: skip
        except Exception as error:
            self._unsendable(connection, error)
            return
        connection.send(self, request, head.method == "HEAD")

    def _unsendable(self, connection: UpstreamConnection, error: Exception) -> None:
        """The request cannot be written for this upstream. Its connection is unused, so it goes back to the pool, in
        the next turn of the loop: the call that has just given it back may still be running.
        """
        self.held.connection = None
        self._leave_deployment()
        self.gateway.loop.call_soon(connection.pool.give_back, connection)
        if isinstance(error, Refused):
            self.refuse(error)
        else:
            self.broke(error)

    def _leave_deployment(self) -> Deployment:
        """The deployment never saw the call: it is not blamed and nothing is metered."""
        deployment, self.deployment = self.deployment, None
        assert deployment is not None
        self.held.leave()
        self.hold.release()
        return deployment

    # Attempts that fail.

    def no_connection_free(self) -> None:
        """Too many calls wait for this deployment: another one, or another service, may take this one."""
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
                pass  # the refusal below is the reason that helps the client
        busy = Refused("busy", "Too many calls wait for this service.")
        if not self._falls_back(busy, None):
            self.refuse(busy)

    def connect_failed(self, code: str, detail: str) -> None:
        """Nothing was sent: another deployment may take the call."""
        self._attempt_failed(code, detail, unsent=True)

    def upstream_stale(self, *, unprocessed: bool) -> None:
        """Goes on with a fresh connection where the request reached no handler, or may be handled twice. A stale
        connection says nothing about the deployment: it is not blamed, and this uses no retry of the budget.
        """
        deployment = self.deployment
        assert deployment is not None
        if self.client_left or not (unprocessed or self.repeatable):
            self.upstream_lost("upstream_unreachable", "It closed the connection before its answer began.")
            return
        self.held.connection = None
        self.gateway.metrics.retries += 1
        deployment.pool.reconnect(self)

    def upstream_lost(self, code: str, detail: str) -> None:
        """The answer broke off, or never began."""
        self.held.connection = None
        relay = self.relay
        now = _monotonic()
        if self.topping_up:
            self._withhold(True)
        elif relay is not None and relay.last_event_seen:
            # Only the end of the connection was still missing.
            self._complete(relay, None, now)
        elif relay is None or not (relay.head_sent or self.client_left):
            self.relay = None
            if relay is not None and code == "upstream_unreachable":
                code = "upstream_bad_answer"
            self._attempt_failed(code, detail, unsent=False)
        else:
            if self.deployment is not None:
                self.gateway.router.failed(self.deployment, now)
            self._cut(now, wait=True)

    def _attempt_failed(self, code: str, detail: str, *, unsent: bool) -> None:
        """The client has seen nothing yet: another deployment or service may answer."""
        now = _monotonic()
        deployment, self.deployment = self.deployment, None
        assert deployment is not None
        self.held.leave()
        self.gateway.router.failed(deployment, now)
        if self.trace is not None:
            self.trace.close_child(now, code)
        may = (unsent or self.repeatable) and not self.client_left
        if may and self.attempts < MAX_ATTEMPTS and now < self.deadline and self.gateway.router.may_retry():
            self.gateway.metrics.retries += 1
            self.hold.release()
            if len(self.tried) + 1 < len(self.lane.release.deployments):
                self.tried |= {deployment.id}
            try:
                self._hold_and_send()
                return
            except Refused:
                pass  # the failure is the reason that helps the client
        refused = Refused(code, detail)
        if not (may and self._falls_back(refused, deployment)):
            self._fail(refused, deployment, now)

    def _fail(self, refused: Refused, deployment: Deployment, now: float) -> None:
        """The call ends without an answer of its service: free, but counted as a request."""
        self.deployment = deployment
        self.status = refused.code.status
        self.hold.count(slices_of(deployment, self.gateway.leases) if deployment.limited else NO_SLICES, now)
        self._measure_overhead(now)
        self._settle_now(now)
        self.gateway.spool.flush()
        self.refuse(refused)

    # Other services.

    def _falls_back(self, refused: Refused, deployment: Deployment | None) -> bool:
        """Goes on with the next service that the plan names, where the consumer subscribes to it too and it speaks the
        same protocol; the call is held, priced and metered as one to that service. False where none can take it.
        """
        fallbacks = self.fallbacks
        if fallbacks is None:
            fallbacks = self.fallbacks = list(self.lane.plan.fallbacks) if self.operation is not None else []
            self.requested = self.lane.service
        if self.failure is None or deployment is not None:
            self.failure, self.failed_at, self.failed_lane = refused, deployment, self.lane
        lane, tried = self.lane, self.tried
        while fallbacks:
            other = self._fallback_lane(fallbacks.pop(0), lane)
            if other is None:
                continue
            self.lane, self.tried, self.attempts, self.rounds = other, frozenset(), 0, 0
            self.bound, self.near_cap, self.awaits_returns = 0, False, False
            self.held.replace_hold(self._new_hold(other))
            try:
                self._hold_and_send()
            except Refused:
                self.lane, self.tried = lane, tried
                self.held.replace_hold(self._new_hold(lane))
                continue
            if self.lane is other:  # else that service fell back in its turn, which was counted
                self.gateway.metrics.fallbacks += 1
            return True
        return False

    def _fallback_lane(self, name: str, lane: Lane) -> Lane | None:
        """The lane of the service `name`; `None` where it cannot take the call instead of `lane`."""
        gateway = self.gateway
        try:
            other = find_lane(self.grant.terms, name, b"", gateway.catalog, gateway.leases)
        except Refused:
            return None
        if other.service.protocol != lane.service.protocol or other.service in (lane.service, self.requested):
            return None
        if self.operation is not None and self.operation.path in other.service.wrong_paths:
            return None
        return other

    @property
    def repeatable(self) -> bool:
        """Whether the request may be handled twice (RFC 9110, 9.2.2)."""
        return self.head.method in _REPEATABLE_METHODS or bool(self.operation and self.operation.idempotent)
