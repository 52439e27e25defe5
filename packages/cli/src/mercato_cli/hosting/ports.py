"""A port for a server on this machine."""

import random
import socket


def free_port() -> int:
    """One of the loopback address on which nobody listens.

    Below the ports that systems give to outgoing connections: one of those may be in use when it is needed again.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
