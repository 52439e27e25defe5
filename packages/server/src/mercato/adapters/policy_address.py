"""The address of a policy engine, read without its client: a wrong one is found before anything starts."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"grpc(?P<tls>s)?://(?P<target>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})/?")


@dataclass(frozen=True, slots=True)
class PolicyAddress:
    """Where the engine is: `host:port`, and whether it is asked by TLS."""

    target: str
    tls: bool


def read_address(url: str) -> PolicyAddress:
    """Read `grpc[s]://host:port`. Raises `ValueError`."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError("MERCATO_POLICY_URL is `grpc://host:port`, or `grpcs://host:port` with TLS.")
    return PolicyAddress(found["target"], found["tls"] is not None)
