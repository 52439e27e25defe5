"""The last event of a stream that a limit ends early, in the dialect of its route."""

import msgspec

from mercato_gateway.refusals import Refused, render
from mercato_gateway.targets import ModelOperation

# Ends an event of the service that was passed on in part; between events it has no effect.
_BETWEEN = b"\n\n"


def last_event(refused: Refused, operation: ModelOperation, request_id: str) -> bytes:
    """The event, and what clients of the route read as the end of the stream."""
    if operation.protocol == "anthropic":
        return b"%bevent: error\ndata: %b\n\n" % (_BETWEEN, render(refused, "anthropic", request_id)[1])
    if operation.path == "/responses":
        event = {
            "type": "error", "code": refused.code.name, "message": f"{refused.detail} {refused.code.fix}",
            "param": None, "sequence_number": 0,
        }  # fmt: skip
        return b"%bevent: error\ndata: %b\n\n" % (_BETWEEN, msgspec.json.encode(event))
    return b"%bdata: %b\n\ndata: [DONE]\n\n" % (_BETWEEN, render(refused, "openai", request_id)[1])
