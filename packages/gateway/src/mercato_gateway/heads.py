"""Heads of requests and answers: read once by the strict parser, then recognised by their bytes.

The heads on a connection are mostly the same bytes, except for the digits of their length. What the parser accepted
once means the same when it comes again, so it is not parsed again; where a single byte differs, the parser reads it.
"""

import hashlib
import re
from http import HTTPStatus

from mercato_gateway import headers as lines
from mercato_gateway.headers import Fields, Headers

_MOST_DIGITS = 9
# Letters, digits, `-`, `.`, `_` and `~`, encoded.
_NEEDLESS = re.compile(rb"%(2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])", re.IGNORECASE)
_END = b"\r\n\r\n"
_LENGTH = b"content-length"
_BINARY = (b"audio/", b"image/", b"video/", b"font/", b"application/pdf", b"application/zip")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

_blake2b = hashlib.blake2b


class Print:
    """The bytes of a head before and after the digits of its content length; without a length, all of them."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after

    def body_of(self, message: bytes) -> bytes | None:
        """The body, where `message` is this head with one whole body and nothing else; else `None` (parse it)."""
        before, after = self._before, self._after
        if not message.startswith(before):
            return None
        start = len(before)
        if not after:
            return b"" if len(message) == start else None
        rest = len(message) - start - len(after)
        digits, bound = 1, 10
        while rest - digits >= bound:
            digits, bound = digits + 1, bound * 10
        # The only length, written without leading zeros, that makes the message whole.
        length = rest - digits
        if length < 0 or digits > _MOST_DIGITS:
            return None
        framed = b"%d%b" % (length, after)
        body = start + len(framed)
        # "9" in two digits is not a length, although "9" and one byte too many may be in its place.
        return message[body:] if len(message) - body == length and message[start:body] == framed else None


def take_print(message: bytes, length: bytes | None) -> Print | None:
    """The print of the parsed head at the start of `message`; `length` is its only `Content-Length`. `None` where
    anything about the bytes is unusual.
    """
    end = message.find(_END)
    if end < 0 or not message[:1].isalpha():
        return None
    head = message[: end + len(_END)]
    rows = head[:end].split(b"\r\n")
    if head.count(b"\n") != len(rows) + 1 or head.count(b"\r") != len(rows) + 1:
        return None
    place, found = 0, -1
    for row in rows:
        name, colon, value = row.partition(b":")
        if name.lower() == _LENGTH:
            if found >= 0 or length is None or value.strip(b" \t") != length:
                return None
            found = place + len(name) + len(colon) + value.find(length)
        place += len(row) + 2
    if length is None:
        return Print(head, b"")
    if found < 0 or not length.isdigit() or len(length) > _MOST_DIGITS:
        return None
    return Print(head[:found], head[found + len(length) :])


class RequestHead:
    """A checked request head and what follows from it alone. `digest` identifies the key in the cache of keys."""

    __slots__ = (
        "_lines", "anthropic", "coded", "digest", "fields", "headers", "http10", "keep_alive", "key",
        "key_header", "method", "path", "print", "query", "sent_checked", "sent_start", "sent_to",
        "sent_uncompressed",
    )  # fmt: skip

    def __init__(
        self, method: str, target: bytes, headers: Headers, fields: Fields, *, keep_alive: bool, http10: bool
    ) -> None:
        self.method = method
        path, _, self.query = target.partition(b"?")
        path = path if path[:1] == b"/" else _origin_form(path)
        self.path = _plainly_named(path) if b"%" in path else path
        self.headers = headers
        self.fields = fields
        self.keep_alive = keep_alive
        self.http10 = http10
        self.coded = b"content-encoding" in fields
        self.anthropic = b"anthropic-version" in fields or self.path.startswith(b"/v1/messages")
        self.key, self.key_header = lines.find_key(fields)
        self.digest: bytes = _blake2b(self.key, digest_size=16).digest() if self.key else b""
        self.print: Print | None = None
        self._lines: dict[int, bytes] = {}
        self.sent_to: object = None
        self.sent_uncompressed = self.sent_checked = False
        self.sent_start = b""

    def lines_for_upstream(self, *, uncompressed: bool, checked: bool) -> bytes:
        """The fields that are passed on, as lines; see `headers.for_upstream`."""
        kind = 2 * uncompressed + checked
        found = self._lines.get(kind)
        if found is None:
            found = self._lines[kind] = lines.for_upstream(
                self.headers, self.fields, self.key_header, identity=uncompressed, checked=checked
            )
        return found


class AnswerHead:
    """The head of an upstream's answer; `start` is our status line and the fields that are passed on."""

    __slots__ = (
        "binary", "coding", "event_stream", "fields", "is_page", "is_text", "json", "length", "location", "packed",
        "plain", "print", "start", "status",
    )  # fmt: skip

    def __init__(self, status: int, headers: Headers) -> None:
        self.status = status
        self.fields: Fields = dict(headers)
        self.length = self.fields.get(_LENGTH, b"")
        self.location = self.fields.get(b"location", b"")
        kind = self.fields.get(b"content-type", b"").lower()
        self.binary = kind.startswith(_BINARY)  # whatever its bytes look like
        self.plain = not self.binary and not kind.startswith(b"application/octet-stream")
        self.is_page = kind.startswith(b"text/html")
        self.is_text = not kind or (kind.startswith(b"text/") and not self.is_page)
        # Providers are asked not to compress. Where one does, its answer is unpacked to be metered.
        self.coding = _coding_of(self.fields.get(b"content-encoding", b""))
        self.packed = self.coding != b"" and not self.binary
        self.event_stream = kind.startswith(b"text/event-stream")
        self.json = kind.find(b"json") >= 0
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
        self.start = line + lines.for_client(headers, self.fields)
        if status == 429 and b"retry-after" not in self.fields:
            self.start += b"retry-after: 1\r\n"
        self.print: Print | None = None


def _coding_of(field: bytes) -> bytes:
    """The coding that a `Content-Encoding` names; empty where it names none. Several stay together, with commas."""
    if not field:
        return b""
    names = [name.strip().lower() for name in field.split(b",")]
    return b",".join(name for name in names if name not in (b"", b"identity"))


def _plainly_named(path: bytes) -> bytes:
    """The path without needless encoding (RFC 3986, 6.2.2.2) in what names an operation or a service; what follows a
    service stays as it is.
    """
    whole = _NEEDLESS.sub(_decoded, path)
    if not whole.startswith(b"/s/"):
        return whole
    return b"/".join(whole.split(b"/", 4)[:4] + path.split(b"/", 4)[4:])


def _decoded(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 16)])


def _origin_form(target: bytes) -> bytes:
    """The path of `http://host/path` (RFC 9112, 3.2.2)."""
    scheme, separator, rest = target.partition(b"://")
    if separator and scheme.lower() in (b"http", b"https"):
        return b"/" + rest.partition(b"/")[2]
    return b"/" + target
