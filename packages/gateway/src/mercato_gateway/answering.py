"""The service's answer on its way to the client, up to its usage event and its last byte."""

import time

from mercato_gateway import headers as fields
from mercato_gateway.bodies import output_bound
from mercato_gateway.ending import EndingCall
from mercato_gateway.forms import Form
from mercato_gateway.heads import AnswerHead
from mercato_gateway.lastevent import last_event
from mercato_gateway.redirects import as_clients_know_it
from mercato_gateway.refusals import Refused
from mercato_gateway.relay import Relay
from mercato_gateway.streamhold import StreamHold
from mercato_gateway.tokens import Tokens
from mercato_gateway.topup import PATIENCE_SECONDS, TopUp

_LONGEST_CALL_SECONDS = 3600.0
_monotonic = time.monotonic


class AnsweringCall(EndingCall):
    """A call whose upstream may answer.

    Its usage event is in the spool before the client can take the answer for complete. Where the answer used more than
    is held, both wait for a top-up (`topping_up`); what arrives meanwhile is `withheld`.
    """

    form: Form | None = None
    # The client did not ask for the usage of its stream, so that event is not passed on.
    adds_usage: bool = False
    paused: bool = False
    watched: bool = False
    topping_up: bool = False
    withheld: bytes = b""
    withheld_complete: bool = False

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
        request = self.head
        self.relay = Relay(
            head, length, metered=self.operation is not None, head_only=request.method == "HEAD",
            http10=request.http10, drop_usage=self.adds_usage,
        )  # fmt: skip
        if self.form is not None:
            self.relay.read_all_text()

    def upstream_data(self, pieces: list[bytes], complete: bool) -> None:
        """A part of the body, or its end: the usage event is written before the last byte goes out."""
        relay, deployment = self.relay, self.deployment
        assert relay is not None
        assert deployment is not None
        out = relay.feed(pieces, complete)
        now = _monotonic()
        if self.topping_up:
            self.withheld += out or b""
            self._withhold(complete)
            return
        if complete:
            self.held.connection = None  # back in its pool
            self._complete(relay, out, now)
            return
        self.deadline = min(now + deployment.timeout, self.started + _LONGEST_CALL_SECONDS)
        if out is not None:
            self._pass_on(relay, out, now)

    def _pass_on(self, relay: Relay, out: bytes, now: float) -> None:
        """Sends a part of the answer that is not its end."""
        if relay.last_event_seen:
            # The client takes the answer for complete now, although the connection upstream is still open.
            if not self._settle_or_wait(now):
                self.withheld = out
                return
            self.gateway.spool.flush()
        self._write(out, now)
        stream = relay.stream
        if stream is not None:
            if not self.watched:
                self._watch_stream()
            stream_hold = self.held.stream_hold
            if stream_hold is not None and stream.text_bytes >= stream_hold.mark:
                stream_hold.flowed(stream.text_bytes, now)

    def _write(self, out: bytes, now: float) -> None:
        relay = self.relay
        assert relay is not None
        if not relay.head_sent:
            out = self._head(relay, now) + out
        if out and not self.client_left:
            self.client.write(out)

    def _head(self, relay: Relay, now: float) -> bytes:
        """The answer's status line and fields, with ours."""
        relay.head_sent = True
        if not self.overhead_us:
            self._measure_overhead(now)
        head = self._head_with_location(relay) if relay.location else relay.head()
        if self.head.anthropic:
            head = fields.without_field(head, b"request-id")  # these clients read ours
        return b"".join((head, self._own_headers(), self.client.connection_header(relay.closes), b"\r\n"))

    def _head_with_location(self, relay: Relay) -> bytes:
        """The head of a redirect. Where it leads to the service itself, the client gets that service's address here."""
        head, location = relay.head(), relay.location
        parts, deployment = self.head.path.split(b"/", 4), self.deployment
        if parts[1] != b"s" or deployment is None:
            return head
        there = as_clients_know_it(location, deployment.pool.authority, deployment.base, b"/".join(parts[:4]))
        return head.replace(b"\r\nlocation: %b\r\n" % location, b"\r\nlocation: %b\r\n" % there, 1)

    # The end of an answer.

    def _complete(self, relay: Relay, out: bytes | None, now: float) -> None:
        """The whole answer has arrived."""
        if not self.overhead_us:
            self._measure_overhead(now)
        if self._settle_or_wait(now):
            self._send_end(relay, out, now)
        else:
            self.withheld, self.withheld_complete = out or b"", True

    def _send_end(self, relay: Relay, out: bytes | None, now: float) -> None:
        """The usage event is in the spool: the rest of the answer goes out."""
        self._finish()
        if self.client_left:
            return
        head = b"" if relay.head_sent else self._head(relay, now)
        self.gateway.end_call(self.client, b"".join((head, out or b"", relay.terminator())), relay.closes)

    def _cut(self, now: float, *, wait: bool) -> None:
        """The call ends in the middle of its answer: what arrived is charged, as `partial`."""
        if not self.overhead_us:
            self._measure_overhead(now)
        self.cut_short = True
        if not wait:
            self._settle_now(now)
            self._break_off()
        elif self._settle_or_wait(now):
            self._break_off()

    def _break_off(self) -> None:
        """The usage event is in the spool. A client that cannot get a last event with the reason is disconnected: it
        must not take the answer for complete.
        """
        self.gateway.spool.flush()
        self._finish()
        if self.client_left:
            return
        relay, operation, ended_by = self.relay, self.operation, self.ended_by
        last_words = None
        if ended_by is not None and relay is not None and operation is not None:
            last_words = relay.last_words(last_event(ended_by, operation, self.request_id))
        if last_words is None or relay is None:
            self.client.abort()
        else:
            self.gateway.end_call(self.client, last_words, relay.closes)

    # What an answer needs beyond its hold.

    def _settle_now(self, now: float) -> None:
        """Settles with what is held, where that has not been done yet."""
        if not self.settled:
            self.held.stop_growing()
            self._settle(self._count(now), now)

    def _settle_or_wait(self, now: float) -> bool:
        """Settles; false where that waits for a top-up, because the answer used more than is held."""
        if self.settled:
            return True
        self.held.stop_growing()
        counted = self._count(now)
        tokens = counted[0]
        if not self.failed and not self.hold.covers(tokens) and self._requests_top_up(tokens, now):
            return False
        self._settle(counted, now)
        return True

    def _requests_top_up(self, tokens: Tokens, now: float) -> bool:
        """Whether more was requested. The call goes on once it arrived, after `PATIENCE_SECONDS` at the latest."""
        held = self.held
        lacking = self.hold.grow(tokens, now)
        if not lacking:
            return False
        if held.top_up is None:
            held.top_up = TopUp(self.gateway.leases, self, now)
        if not held.top_up.request(lacking, now):
            return False
        self.topping_up = True
        self.deadline = held.top_up.until
        return True

    def more_arrived(self) -> None:
        """The control plane answered a top-up, or failed to."""
        try:
            now = _monotonic()
            stream_hold = self.held.stream_hold
            if stream_hold is not None:
                stream_hold.more_arrived(now)
            elif self.topping_up and not self.done and self._settle_or_wait(now):
                self._go_on_after_top_up(now)
        except Exception as error:
            self.broke(error)

    def _withhold(self, complete: bool) -> None:
        """More of the answer, or its end, arrived during a top-up."""
        if complete:
            self.held.connection, self.withheld_complete = None, True

    def _go_on_after_top_up(self, now: float) -> None:
        """The usage event is in the spool at last: what was withheld goes out."""
        self.topping_up = False
        if self.cut_short:
            self._break_off()
            return
        relay, deployment = self.relay, self.deployment
        assert relay is not None
        assert deployment is not None
        withheld, self.withheld = self.withheld, b""
        if self.withheld_complete:
            self._send_end(relay, withheld, now)
            return
        self.deadline = min(now + deployment.timeout, self.started + _LONGEST_CALL_SECONDS)
        self.gateway.spool.flush()
        self._write(withheld, now)

    def _give_up_top_up(self, now: float) -> None:
        """Goes on with what is held."""
        self._settle_now(now)
        self._go_on_after_top_up(now)

    # Streams without a bound.

    def _watch_stream(self) -> None:
        """A stream whose request sets no bound may need more than is held."""
        self.watched = True
        is_bound = self.bound or output_bound(self.model_request) >= 0
        if self.lane.needs_tokens and self.hold.estimate.out and not is_bound:
            self.held.stream_hold = StreamHold(self, self.hold, self.gateway.leases)

    def wait_for_more(self) -> None:
        """The stream's text has used up what is held."""
        self.deadline = max(self.deadline, _monotonic() + PATIENCE_SECONDS + 1.0)
        if self.held.connection is not None:
            self.held.connection.pause_reading()

    def go_on(self) -> None:
        """More is held for the stream."""
        if self.held.connection is not None and not self.paused:
            self.held.connection.resume_reading()

    def run_out(self, refused: Refused) -> None:
        """No more can be had for the stream: it ends here, with the reason."""
        self.held.close_connection()
        self.ended_by = refused
        self.gateway.metrics.streams_ended += 1
        self._cut(_monotonic(), wait=False)

    # A client that reads slowly.

    def pause(self) -> None:
        """The client reads too slowly: read no more from upstream."""
        self.paused = True
        if self.held.connection is not None:
            self.held.connection.pause_reading()

    def resume(self) -> None:
        """The client caught up."""
        self.paused = False
        connection, stream_hold = self.held.connection, self.held.stream_hold
        if connection is not None and (stream_hold is None or not stream_hold.waits):
            connection.resume_reading()
