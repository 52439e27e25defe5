"""The usage event of a call: made once, written to the spool before the answer ends."""

import random
import time

import msgspec

from mercato_contracts.ids import make_id
from mercato_gateway.wire import UsageEvent

_encode = msgspec.json.Encoder().encode
_bits = random.Random().getrandbits  # noqa: S311  (ids must differ, they need not be unguessable)
_MILLISECONDS = 0xFFFF_FFFF_FFFF
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)


def call_digits(now_ns: int) -> str:
    """The 32 hexadecimal digits that a call's request id (`req_`) and event id (`use_`) share: a UUIDv7."""
    milliseconds = (now_ns // 1_000_000) & _MILLISECONDS
    return f"{milliseconds << 80 | _VERSION_AND_VARIANT | _bits(12) << 64 | _bits(62):032x}"


def encode_event(event: UsageEvent) -> bytes:
    """As the spool keeps it."""
    return _encode(event)


def new_life() -> str:
    """A new id at each start of the process; later ones sort after earlier ones."""
    return make_id("life", time.time_ns() // 1_000_000, random.SystemRandom().randbytes(10))
