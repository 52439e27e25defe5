"""Facts as JSON lines on standard error; keys masked; none per call."""

import sys
import time

import msgspec

from mercato_contracts.keys import mask_keys


def log(event: str, **facts: object) -> None:
    """Writes one line: `{"at": …, "event": …, …}`."""
    line = msgspec.json.encode({"at": round(time.time(), 3), "event": event, **facts}, enc_hook=str)
    sys.stderr.write(mask_keys(line.decode()) + "\n")
    sys.stderr.flush()
