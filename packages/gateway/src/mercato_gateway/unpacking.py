"""Answers that are compressed although the request asked for none: unpacked to be metered, within bounds.

An answer may have several gzip members or zstd frames, as where a server compresses each event by itself, and `deflate`
may lack zlib's header.
"""

import zlib
from typing import Any, Final

import zstandard

from mercato_gateway.kinds import EVENTS, JSON, UNDECIDED, UNKNOWN, TextCheck, kind_of
from mercato_gateway.scanner import Scanner
from mercato_gateway.streams import EventStream
from mercato_gateway.tokens import Reading, read_scanned
from mercato_gateway.usage import Usage

_AT_ONCE: Final = 64 << 10
_FREE: Final = 4 << 20
_LARGEST_RATIO: Final = 32
_STEP: Final = 256  # of zstd, whose blocks of at least 4 bytes decode to at most 128 KiB
_WINDOW: Final = 1 << 23  # RFC 9659
_GZIP_OR_ZLIB: Final = 47
_RAW_DEFLATE: Final = -15
# Of a gzip member, of a zstd frame, and of a zstd frame that is skipped (RFC 8878, 3.1.2).
_FIRST_BYTES: Final = frozenset((0x1F, 0x28, *range(0x50, 0x60)))
_LONGEST_WORD: Final = 16


class Unpacker:
    """Unpacks chunk by chunk. `broken` where the answer is not what `coding` says, or a bomb; `given` is how many bytes
    were unpacked.
    """

    __slots__ = ("_coding", "_decoder", "_ended", "_held", "_members", "_taken", "broken", "given")

    def __init__(self, coding: bytes) -> None:
        self._coding = coding
        self._decoder: Any = None
        self._held = b""  # the first byte of deflate, until the second shows whether there is a header
        self._taken = self.given = 0
        self._members = 0
        self._ended = False
        self.broken = coding not in (b"gzip", b"x-gzip", b"deflate", b"zstd")

    def feed(self, data: bytes) -> list[bytes]:
        """The unpacked content of the next chunk."""
        found: list[bytes] = []
        self._taken += len(data)
        data, self._held = self._held + data, b""
        try:
            while data and not self.broken and not self._ended:
                if self._decoder is None and not self._begin(data):
                    break
                data = self._step(data, found)
                # JSON seldom shrinks to a tenth; without a bound a small answer could keep this process busy.
                self.broken = self.given > _LARGEST_RATIO * self._taken + _FREE
        except (zlib.error, zstandard.ZstdError):
            self.broken = True
        return found

    def _begin(self, data: bytes) -> bool:
        """Makes a decoder; false where more bytes are needed first, or nothing follows that counts."""
        if self._members and data[0] not in _FIRST_BYTES:
            self._ended = True  # some servers fill up with zeros
            return False
        if self._coding == b"zstd":
            self._decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
            return True
        bits = _GZIP_OR_ZLIB
        if self._coding == b"deflate":
            if len(data) < 2:
                self._held = data
                return False
            has_header = (data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0) or data[:2] == b"\x1f\x8b"
            bits = _GZIP_OR_ZLIB if has_header else _RAW_DEFLATE
        self._decoder = zlib.decompressobj(wbits=bits)
        return True

    def _step(self, data: bytes, found: list[bytes]) -> bytes:
        """Unpacks a bounded part of `data`; returns what is left of it."""
        decoder = self._decoder
        if self._coding == b"zstd":
            chunk, rest = decoder.decompress(data[:_STEP]), data[_STEP:]
        else:
            chunk, rest = decoder.decompress(data, _AT_ONCE), decoder.unconsumed_tail
        if chunk:
            found.append(chunk)
            self.given += len(chunk)
        if not decoder.eof:
            return bytes(rest)
        rest = bytes(decoder.unused_data) + (rest if self._coding == b"zstd" else b"")
        self._decoder, self._members = None, self._members + 1
        return rest


class PackedAnswer:
    """Meters a compressed answer, which goes to the client as it came. `kind` is that of its content."""

    __slots__ = (
        "_begun",
        "_counts_text",
        "_packed",
        "_raw",
        "_scanner",
        "_size",
        "_start",
        "_text",
        "_unpacker",
        "all_text",
        "kind",
        "stream",
    )

    def __init__(self, coding: bytes, *, counts_text: bool) -> None:
        self._unpacker = Unpacker(coding)
        self._raw = b""  # until its first bytes show whether it is compressed at all
        self._begun, self._packed = False, True
        self._start = b""  # of the content, until its kind is known
        self._scanner: Scanner | None = None
        self._text = TextCheck()
        self._counts_text = counts_text
        self._size = 0
        self.all_text = False
        self.kind = UNDECIDED
        self.stream: EventStream | None = None

    def feed(self, data: bytes) -> None:
        """The next chunk, as it came."""
        if not self._begun:
            data, self._raw = self._raw + data, b""
            kind = kind_of(data)
            if kind == UNDECIDED:
                self._raw = data
                return
            self._begun = True
            self._packed = kind not in (JSON, EVENTS)  # some servers name a coding that they do not use
        if not self._packed:
            self._read(data)
            return
        for chunk in self._unpacker.feed(data):
            self._read(chunk)
        if self._unpacker.broken and self.kind == UNDECIDED:
            self.kind = UNKNOWN

    def _read(self, chunk: bytes) -> None:
        """The next chunk of its content."""
        if self.kind == UNDECIDED:
            self._start += chunk
            self.kind = kind_of(self._start)
            if self.kind == UNDECIDED:
                return
            chunk, self._start = self._start, b""
            if self.kind == EVENTS:
                self.stream = EventStream(drop_usage=False)
                self.stream.all_text = self.all_text
            elif self.kind == JSON:
                self._scanner = Scanner()
        if self.stream is not None:
            self.stream.feed([chunk])
        elif self._scanner is not None:
            self._scanner.feed(chunk)
        else:
            self._size += len(chunk)
            self._text.feed(chunk)

    def reading(self, size: int) -> Reading:
        """The result of an answer of `size` bytes; nothing may be fed afterwards."""
        broken = self._packed and self._unpacker.broken
        if not self._begun or (broken and self.stream is None and self._scanner is None):
            return Reading(Usage(), size, blank=not size)
        if self._start:
            self._text.feed(self._start)
            self._size = len(self._start.strip())
        if self.stream is not None:
            self.stream.finish()
            reading = self.stream.reading()
            reading.text = min(reading.text, size)
        elif self._scanner is not None:
            reading = read_scanned(self._scanner)
        else:
            text = self._size if self._counts_text and self._text.holds else 0
            reading = Reading(Usage(), text, blank=not self._size)
        if broken:
            reading.text = size
        return reading
