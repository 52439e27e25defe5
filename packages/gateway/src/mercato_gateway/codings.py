"""Compressed request bodies (RFC 9110, 8.4) of calls whose body has to be read: decoded within bounds.

Decoding blocks every other call of the worker, so it stops at the largest body, or at a hundred times what was sent
where that is less: text does not compress that well, only bombs do.
"""

import zlib
from collections.abc import Callable

import zstandard

from mercato_gateway.headers import Headers
from mercato_gateway.refusals import Refused

_ALWAYS_ALLOWED = 1 << 20
_HIGHEST_RATIO = 100
_MOST_LAYERS = 2
_MOST_MEMBERS = 16
_WINDOW = 1 << 25  # a single-segment frame has a window as large as its content
_STEP = 256  # a block of a zstd frame takes at least 4 bytes and decodes to at most 128 KiB


class _TooLarge(Exception):
    """The decoded body would be too large."""


def decode(headers: Headers, body: bytes, most: int) -> bytes:
    """The body without its codings. Raises `Refused`: 415 for an unknown coding, 400 for a body that is damaged or
    continues after its end, 413 for more than `most` bytes.
    """
    layers = [each for each in _codings(headers) if each not in ("", "identity")]
    unknown = [each for each in layers if each not in _DECODERS]
    if unknown or len(layers) > _MOST_LAYERS:
        shown = ", ".join(layers)[:100]
        raise Refused("unsupported_encoding", f"The body's `Content-Encoding` {shown} is not supported.")
    most = min(most, max(_ALWAYS_ALLOWED, _HIGHEST_RATIO * len(body)))
    try:
        for coding in reversed(layers):
            body = _DECODERS[coding](body, most)
    except _TooLarge:
        raise Refused("body_too_large", f"The body is larger than {most} bytes once it is decoded.") from None
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        detail = f"The body is not whole {coding}: {str(error)[:100]}."
        raise Refused("bad_body", detail) from None
    return body


def _codings(headers: Headers) -> list[str]:
    lines = b",".join(value for name, value in headers if name == b"content-encoding")
    return [each.strip().lower() for each in lines.decode("latin-1").split(",")]


def _gzip(body: bytes, most: int) -> bytes:
    """One member or a few (RFC 1952, 2.2)."""
    pieces: list[bytes] = []
    size = 0
    for _ in range(_MOST_MEMBERS):
        decoder = zlib.decompressobj(31)
        piece, body = _inflate(decoder, body, most - size), decoder.unused_data
        pieces.append(piece)
        size += len(piece)
        if not body:
            return b"".join(pieces)
    raise EOFError("it has too many members")


def _deflate(body: bytes, most: int) -> bytes:
    """In zlib's format, as the standard requires, or raw, as some clients send it."""
    is_wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    decoder = zlib.decompressobj(15 if is_wrapped else -15)
    decoded = _inflate(decoder, body, most)
    if decoder.unused_data:
        raise EOFError("it continues after its end")
    return decoded


def _inflate(decoder: "zlib._Decompress", body: bytes, most: int) -> bytes:
    decoded = decoder.decompress(body, most + 1)
    if len(decoded) > most:
        raise _TooLarge
    if not decoder.eof:
        raise EOFError("its end is missing")
    return decoded


def _zstd(body: bytes, most: int) -> bytes:
    """One frame or a few (RFC 8878), in steps: nothing else bounds the size of the result."""
    pieces: list[bytes] = []
    size, at = 0, 0
    for _ in range(_MOST_MEMBERS):
        decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        while not decoder.eof:
            if at >= len(body):
                raise EOFError("its end is missing")
            piece = decoder.decompress(body[at : at + _STEP])
            at += _STEP
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise _TooLarge
        at = min(at, len(body)) - len(decoder.unused_data)
        if at == len(body):
            return b"".join(pieces)
    raise EOFError("it has too many frames")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
