"""A port for a server on this machine."""

import random
import socket


def free_port() -> int:
    """A free port of the loopback address, below the range of outgoing connections: a port of that range may be in use
    when it is needed again.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
