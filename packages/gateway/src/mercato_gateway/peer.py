"""What the kernel knows of the other end of a kept-alive connection: whether it was silent, and what it acknowledged.

A request that goes out on a connection which the other end has just closed is lost, and whether it was handled decides
whether it may be sent again. It was not handled where the other end sent its FIN (or, in TLS, its close_notify) and had
acknowledged no byte of the request with it: the request arrived after that server had closed its sending side, when it
can no longer answer and only reads on to discard (RFC 9112, 9.6). A reset proves nothing: a server that handled half of
the request and failed sends the same.
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
        """Whether nothing waits to be read, not even the end."""
        return not self._poll.poll(0)

    def sends(self, size: int) -> None:
        """A request of `size` bytes goes out next."""
        if self._secure:
            # What TLS makes of the bytes is not known here.
            self._before = self._acknowledged()
        else:
            self._before = self._sent
            self._sent += size

    def acknowledged_nothing(self) -> bool:
        """Whether it provably acknowledged no byte of the last request. To be asked when it sends its end, before the
        transport closes.
        """
        return 0 <= self._acknowledged() <= self._before

    def _acknowledged(self) -> int:
        """Bytes that it acknowledged so far; -1 where the system does not tell."""
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
