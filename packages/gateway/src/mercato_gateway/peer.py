"""What the kernel knows about the other end of a kept-alive connection: whether it was silent, and what it
acknowledged.

A request on a connection that the other end has just closed is lost. It may be sent again only if it was not handled.
That is certain where the other end sent its FIN (or, in TLS, its close_notify) without acknowledging a byte of the
request: the request then arrived after that server had closed its sending side, when it can no longer answer and only
reads on to discard (RFC 9112, 9.6). A reset proves nothing: a server that failed halfway through the request sends one
too.
"""

import asyncio
import select
import socket
import struct
import sys

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_ACKNOWLEDGED_AT = 120  # `tcpi_bytes_acked` of linux/tcp.h, since Linux 4.1
_counter = struct.Struct("@Q")


class Peer:
    """The other end of one transport."""

    __slots__ = ("_before", "_poll", "_secure", "_sent", "_socket")

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._socket = transport.get_extra_info("socket")
        self._secure = transport.get_extra_info("ssl_object") is not None
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)
        self._sent = self._acknowledged()  # the handshake counts as one byte
        self._before = -1

    def is_quiet(self) -> bool:
        """Whether nothing is ready to be read, not even the end."""
        return not self._poll.poll(0)

    def sends(self, size: int) -> None:
        """A request of `size` bytes goes out next."""
        if self._secure:
            # How many bytes TLS makes of them is not known here.
            self._before = self._acknowledged()
        else:
            self._before = self._sent
            self._sent += size

    def acknowledged_nothing(self) -> bool:
        """Whether it provably acknowledged no byte of the last request. Call this when it sends its end, before the
        transport closes.
        """
        return 0 <= self._acknowledged() <= self._before

    def _acknowledged(self) -> int:
        """Bytes that it acknowledged so far; -1 where the system cannot tell."""
        if _TCP_INFO is None:
            return -1
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _ACKNOWLEDGED_AT + _counter.size)
        except OSError:
            return -1
        if len(info) < _ACKNOWLEDGED_AT + _counter.size:
            return -1
        (count,) = _counter.unpack_from(info, _ACKNOWLEDGED_AT)
        return int(count)
