"""Answers that are compressed although the request asked for none: unpacked to be metered, within bounds."""

import zlib

_AT_ONCE = 64 << 10
_FREE = 1 << 20
_LARGEST_RATIO = 32


class Unpacker:
    """Unpacks gzip or deflate chunk by chunk. `broken` where it is neither, or a bomb."""

    __slots__ = ("_given", "_taken", "_unpacker", "broken")

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(wbits=47)
        self._taken = self._given = 0
        self.broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """The unpacked content of the next chunk."""
        found: list[bytes] = []
        self._taken += len(data)
        try:
            while data and not self.broken:
                found.append(self._unpacker.decompress(data, _AT_ONCE))
                self._given += len(found[-1])
                # JSON seldom shrinks to a tenth; without a bound a small answer could keep this process busy.
                self.broken = self._given > _LARGEST_RATIO * self._taken + _FREE
                data = self._unpacker.unconsumed_tail
        except zlib.error:
            self.broken = True
        return found
