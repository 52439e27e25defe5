"""RunPod's addresses, and the operator's list of queue endpoints with their prices, read strictly.

Light, because every command reads settings, and settings check this list.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

JOBS_URL = "https://api.runpod.ai/v2"
REST_URL = "https://api.runpod.io/v2"
CPU = "cpu"
"""The machine of runs that name no GPU."""

_PLACE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9 ._-]{0,63}?)=([a-z0-9]{1,40})@([0-9]{1,6}(?:\.[0-9]{1,9})?)\s*")
_NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A queue endpoint. `nanos_per_hour` is what the operator charges, in nano-dollars."""

    endpoint: str
    nanos_per_hour: int


def read_places(text: str) -> dict[str, Place]:
    """Places by the name of their GPU, from `cpu=ENDPOINT@DOLLARS,L4=ENDPOINT@DOLLARS`. Raises `ValueError`."""
    places: dict[str, Place] = {}
    for each in filter(str.strip, text.split(",")):
        matched = _PLACE.fullmatch(each)
        if matched is None:
            raise ValueError(f"{each.strip()[:80]!r} is not GPU=ENDPOINT@DOLLARS_PER_HOUR")
        gpu, endpoint, dollars = matched.groups()
        if gpu in places:
            raise ValueError(f"{gpu!r} is named twice")
        places[gpu] = Place(endpoint, int(Decimal(dollars) * _NANOS))
    return places
