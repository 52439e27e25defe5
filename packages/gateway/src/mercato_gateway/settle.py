"""The usage event of a call: encoded once, and in the spool before the answer ends.

An event is JSON as `mercato_contracts.dataplane.UsageEvent` reads it. What all calls of a lane to one deployment share
is encoded once (`Common`); the rest are numbers, digits and fixed words, which need no escaping.
"""

import random
import time
from binascii import crc32, hexlify

import msgspec

from mercato_contracts.ids import make_id
from mercato_contracts.pricing import Charge
from mercato_gateway.catalog import Deployment
from mercato_gateway.kinds import EVENTS, JSON, is_text, kind_of
from mercato_gateway.lane import Lane
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.relay import Relay
from mercato_gateway.spool import EVENT
from mercato_gateway.streams import EventStream
from mercato_gateway.targets import MODEL_PATHS, ModelOperation
from mercato_gateway.tokens import (
    NO_TOKENS,
    Reading,
    Tokens,
    estimate_input,
    read_answer,
    read_scanned,
    to_tokens,
)
from mercato_gateway.usage import Usage

_MOST_COMMONS = 64
_VERSION = 0x7000
_VARIANT = 0x8000_0000_0000_0000
_SEQUENCE_BITS = 62
_MOST_NANOS = 9_000_000_000_000_000_000
_LAST = (1 << _SEQUENCE_BITS) - 1
_BLANK = (b"", b"{}", b"[]", b"null", b"true", b"false")
_LONGEST_BLANK = 16


class Digits:
    """Makes the 32 hexadecimal digits that a call's request id (`req_`) and event id (`use_`) share: a UUIDv7.

    The 74 bits besides the time start at random in each process; the lower 62 of them count its calls (RFC 9562, 6.2).
    """

    __slots__ = ("_high", "_millisecond", "_next", "_time_digits")

    def __init__(self) -> None:
        system = random.SystemRandom()
        self._high = _VERSION | system.getrandbits(12)
        self._next = system.getrandbits(_SEQUENCE_BITS)
        self._millisecond = -1
        self._time_digits = b""

    def make(self, now_ns: int) -> bytes:
        """Unique in this process, and by its random part among all processes."""
        millisecond = now_ns // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            self._time_digits = hexlify((millisecond << 16 | self._high).to_bytes(8, "big"))
        self._next = (self._next + 1) & _LAST
        return self._time_digits + hexlify((_VARIANT | self._next).to_bytes(8, "big"))


call_digits = Digits().make


class Common:
    """The fields that all events of a lane to one deployment and operation share: the `start` of their JSON, with its
    checksum as in the spool.
    """

    __slots__ = ("checksum", "deployment", "operation", "start", "start_bytes")

    def __init__(self, gateway: str, lane: Lane, deployment: Deployment, operation: str) -> None:
        self.deployment = deployment
        self.operation = operation
        wire = lane.service.wire
        fields = {
            "gateway": gateway, "consumer_id": lane.consumer_id, "subscription_id": lane.subscription.id,
            "plan_id": lane.plan.id, "vendor_id": wire.vendor_id, "service_id": wire.id,
            "release_id": lane.release.id, "deployment_id": deployment.id, "protocol": wire.protocol,
            "operation": operation, "currency": lane.plan.currency,
        }  # fmt: skip
        self.start = msgspec.json.encode(fields)[:-1]
        self.start_bytes = len(self.start)
        self.checksum: int = crc32(EVENT + self.start)


def common_of(gateway: str, lane: Lane, deployment: Deployment, operation: str) -> Common:
    """The shared fields, encoded at the first such call."""
    last: Common | None = lane.common
    if last is not None and last.deployment is deployment and last.operation == operation:
        return last
    found: Common | None = lane.commons.get((deployment.id, operation))
    if found is None or found.deployment is not deployment:
        if len(lane.commons) >= _MOST_COMMONS:
            lane.commons.clear()
        found = lane.commons[(deployment.id, operation)] = Common(gateway, lane, deployment, operation)
    lane.common = found
    return found


class Measured:
    """What the gateway itself measured of a call: when it began, bytes each way, and how long it took."""

    __slots__ = ("at_us", "bytes_in", "bytes_out", "duration_us", "first_byte_us", "overhead_us")

    def __init__(
        self, at_us: int, bytes_in: int, bytes_out: int, first_byte_us: int, duration_us: int, overhead_us: int
    ) -> None:
        self.at_us = at_us
        self.bytes_in = bytes_in
        self.bytes_out = bytes_out
        self.first_byte_us = first_byte_us
        self.duration_us = duration_us
        self.overhead_us = overhead_us


def encode_event(
    common: Common, quoted_key_id: bytes, digits: bytes, measured: Measured, status: int, flags: bytes, tokens: Tokens,
    due: Charge, source: bytes, spends: bytes,
) -> bytes:  # fmt: skip
    """The event as the spool keeps it. `flags` is one of `FLAGS`, perhaps with fields that few calls have; `spends` are
    pairs of lease and units, as JSON.
    """
    return (
        b'%b,"key_id":%b,"id":"use_%b","at_us":%d,"request_id":"req_%b","status":%d,%b,"tokens_in":%d,'
        b'"tokens_out":%d,"tokens_cached":%d,"bytes_in":%d,"bytes_out":%d,"first_byte_us":%d,"duration_us":%d,'
        b'"overhead_us":%d,"included":%d,"price_nanos":%d,"source":"%b","spends":[%b]}'
        % (
            common.start, quoted_key_id, digits, measured.at_us, digits, status, flags, tokens.into, tokens.out,
            tokens.cached, measured.bytes_in, measured.bytes_out, measured.first_byte_us, measured.duration_us,
            measured.overhead_us, due.included, due.nanos, source, spends,
        )
    )  # fmt: skip


def more_fields(tokens: Tokens, paid: Tokens, unpaid_nanos: int, ended_by: str, doubt: bytes, claimed: Tokens) -> bytes:
    """The fields of the few events whose charge differs from what the service counted."""
    more = b""
    if paid is not tokens:
        into, out = tokens.into - paid.into, tokens.out - paid.out
        more = b',"unpaid_tokens_in":%d,"unpaid_tokens_out":%d,"unpaid_nanos":%d' % (
            into, out, min(unpaid_nanos, _MOST_NANOS)
        )  # fmt: skip
    if ended_by:
        more += b',"ended_by":"%b"' % ended_by.encode("ascii")
    if doubt:
        more += b',"doubt":"%b","claimed_tokens_in":%d,"claimed_tokens_out":%d' % (doubt, claimed.into, claimed.out)
    return more


FLAGS = tuple(
    b'"streamed":%b,"client_left":%b' % (streamed, left)
    for streamed in (b"false", b"true")
    for left in (b"false", b"true")
)


FAILED = b"failed"


def tokens_of(
    operation: ModelOperation, relay: Relay | None, status: int, request: ModelRequest | None, cut: bool
) -> tuple[Tokens, bytes]:
    """The tokens of a model call and who counted them; `FAILED` for an error with the status of a success.

    That is an `error` at the top of the answer, or as an event of a stream, without usage and without any text; and
    what is no answer of a known operation: an empty body, a stream without events, or a page for people.
    """
    reading = _read(relay) if relay is not None else Reading(Usage(), 0)
    usage, text = reading.usage, reading.text
    stated = usage.tokens
    if stated is not None and not (operation.gives_tokens or usage.names_output):
        stated = Tokens(stated.into + stated.out, 0, stated.cached)  # all of the total is input
    of_nothing = stated is not None and not (stated.into or stated.out)
    if of_nothing and (reading.error or (relay is not None and relay.all_text)):
        stated = None  # a `usage` that counts something else, such as seconds, or of a call that failed
    if reading.error and 200 <= status < 300:
        if not text and stated is None:
            return NO_TOKENS, FAILED
        cut = cut or stated is None
    if stated is None:
        if reading.blank and not cut and 200 <= status < 300 and operation.path in MODEL_PATHS:
            return NO_TOKENS, FAILED
        if status >= 400 and not cut:
            return NO_TOKENS, b"provider"
        return _by_text(operation, request, text), b"partial" if cut else b"estimated"
    whole = usage.states_output or not (text and operation.gives_tokens)
    if not cut and (status >= 400 or (usage.states_input and whole)):
        return stated, b"provider"
    own = _by_text(operation, request, text)
    if not (usage.names_input or usage.states_output):  # only a total, which the output is a part of
        out = min(own.out, stated.into - stated.cached)  # what was cached is input
        return Tokens(stated.into - out, out, stated.cached), b"partial" if cut else b"estimated"
    out = stated.out if usage.states_output and (reading.settled or not cut) else max(own.out, stated.out)
    return Tokens(stated.into or own.into, out, stated.cached), b"partial" if cut else b"estimated"


def _by_text(operation: ModelOperation, request: ModelRequest | None, text: int) -> Tokens:
    return Tokens(estimate_input(request), to_tokens(text) if operation.gives_tokens else 0, 0)


def own_count(operation: ModelOperation, relay: Relay | None, request: ModelRequest | None) -> Tokens:
    """The tokens of a model call by our own count of its texts, whatever the provider states; only once nothing more of
    the answer will arrive.
    """
    return _by_text(operation, request, _read(relay).text if relay is not None else 0)


def _read(relay: Relay) -> Reading:
    stream, scanner, packed = relay.stream, relay.scanner, relay.packed_answer
    if stream is not None:
        return stream.reading()
    if packed is not None:
        return packed.reading(relay.bytes_out)
    if relay.json:
        return _read_whole(relay.whole, relay.all_text) if scanner is None else read_scanned(scanner)
    text = relay.bytes_out if relay.is_text else 0
    return Reading(Usage(), text, blank=relay.is_blank)


def _read_whole(whole: bytes, all_text: bool) -> Reading:
    kind = kind_of(whole)
    if kind == JSON:
        reading = read_answer(whole)
        reading.blank = len(whole) < _LONGEST_BLANK and whole.strip() in _BLANK
        return reading
    if kind != EVENTS:
        blank = whole.strip() in _BLANK
        return Reading(Usage(), len(whole) if is_text(whole) and not blank else 0, blank=blank)
    stream = EventStream(drop_usage=False)
    stream.all_text = all_text
    stream.feed([whole])
    stream.finish()
    return stream.reading()


def new_life() -> str:
    """A new id for each start of the process; later ones sort after earlier ones."""
    return make_id("life", time.time_ns() // 1_000_000, random.SystemRandom().randbytes(10))
