"""Ports for the servers that tests start: below the range that the system gives to outgoing connections.

A port that was found by binding to 0 may be somebody's outgoing connection a moment later, and the port behind it may
be in use already. These are found by trying, outside that range, and one test process never gives one out twice.
"""

import contextlib
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
_given: set[int] = set()
_random = random.SystemRandom()


def free_port(in_a_row: int = 1) -> int:
    """The first of `in_a_row` ports, one behind the other, on which nobody listens."""
    while True:
        first = _random.randrange(_LOWEST, _HIGHEST - in_a_row)
        wanted = range(first, first + in_a_row)
        if not _given.isdisjoint(wanted):
            continue
        with contextlib.ExitStack() as held:
            try:
                for port in wanted:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.update(wanted)
        return first


def free_ports(count: int) -> list[int]:
    """`count` ports on which nobody listens."""
    return [free_port() for _ in range(count)]
