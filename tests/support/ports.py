"""Ports for the servers that tests start: below the range that the system gives to outgoing connections.

A port that was found by binding to 0 may be somebody's outgoing connection a moment later, and the port behind it may
be in use already. These are found by trying, outside that range, and one test process never gives one out twice.

Nor do two test processes: a server may be stopped and started again on its port, and gateways share theirs
(`SO_REUSEPORT`), so that two would take each other's calls. Each holds the lock of the byte that has the port's number
in a file of all, as long as it lives (fcntl(2), record locks).
"""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_LOWEST, _HIGHEST = 10_000, 32_000
_given: set[int] = set()
_random = random.SystemRandom()
_book = os.open(Path(tempfile.gettempdir()) / f"mercato-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


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
                fcntl.lockf(_book, fcntl.LOCK_EX | fcntl.LOCK_NB, in_a_row, first)
            except OSError:
                continue
        _given.update(wanted)
        return first


def free_ports(count: int) -> list[int]:
    """`count` ports on which nobody listens."""
    return [free_port() for _ in range(count)]
