"""Header fields on their way through: what is ours, what belongs to one connection only, what is passed on."""

import time
from email.utils import parsedate_to_datetime

from mercato_contracts.keys import PATTERN
from mercato_gateway.leases import Slice

Headers = list[tuple[bytes, bytes]]

# Hop-by-hop (RFC 9110, 7.6.1), framing (we frame anew), and what only concerns the client and us. Cookies are ours or
# another service's on the same host: they never reach a vendor, and a vendor sets none.
_DROP_REQUEST = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"content-length", b"host", b"expect", b"http2-settings", b"cookie", b"forwarded",
        b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"x-request-id", b"x-mercato-key",
        b"x-mercato-subscription",
    }
)  # fmt: skip
_DROP_RESPONSE = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding",
        b"upgrade", b"content-length", b"set-cookie", b"x-request-id", b"x-mercato-overhead-us", b"ratelimit",
        b"ratelimit-policy", b"alt-svc",
    }
)  # fmt: skip
_CARRIES_KEYS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_ORDINARY = frozenset({b"keep-alive", b"close"})


def find(headers: Headers, wanted: bytes) -> bytes:
    """The first value of a field; empty where it is absent."""
    for name, value in headers:
        if name.lower() == wanted:
            return value
    return b""


def find_key(headers: Headers) -> tuple[bytes, bytes]:
    """The caller's key and the field it stood in: `x-mercato-key` before `Authorization` before `x-api-key`."""
    bearer = api_key = b""
    for name, value in headers:
        length = len(name)
        if length == 13 and name.lower() == b"authorization":
            if value[:7].lower() == b"bearer ":
                bearer = value[7:].strip()
        elif length == 13 and name.lower() == b"x-mercato-key":
            return value.strip(), b"x-mercato-key"
        elif length == 9 and name.lower() == b"x-api-key":
            api_key = value.strip()
    if bearer and not (api_key and bearer[:3] != b"ck_"):
        return bearer, b"authorization"
    return (api_key, b"x-api-key") if api_key else (b"", b"")


def _named_by_connection(headers: Headers, connection: bytes) -> frozenset[bytes]:
    return frozenset(token.strip().lower() for token in connection.split(b",")) - {b"content-type", b"accept"}


def _extra_drops(headers: Headers) -> frozenset[bytes]:
    """Fields that `Connection` names, in the rare case that it names any."""
    for name, value in headers:
        if len(name) == 10 and name.lower() == b"connection" and value.lower() not in _ORDINARY:
            return _named_by_connection(headers, value)
    return frozenset()


def for_upstream(headers: Headers, key_header: bytes, *, identity: bool) -> bytes:
    """The client's fields that go on, as lines. `identity` asks for an answer without content coding, so that we can read it."""
    drops = _DROP_REQUEST
    extra = _extra_drops(headers)
    if extra:
        drops = drops | extra
    lines = []
    for name, value in headers:
        lower = name.lower()
        if lower in drops or lower == key_header or (identity and lower == b"accept-encoding"):
            continue
        # The credential of another hop may ride along; one of ours never does.
        if lower in _CARRIES_KEYS and PATTERN.search(value.decode("latin-1")):
            continue
        lines.append(name + b": " + value)
    if identity:
        lines.append(b"accept-encoding: identity")
    lines.append(b"")
    return b"\r\n".join(lines)


def for_client(headers: Headers) -> bytes:
    """The upstream's fields that go on, as lines."""
    drops = _DROP_RESPONSE
    extra = _extra_drops(headers)
    if extra:
        drops = drops | extra
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers if name.lower() not in drops])


def is_json(headers: Headers) -> bool:
    """Whether the body says that it is JSON."""
    return find(headers, b"content-type").split(b";")[0].strip().lower() == b"application/json"


def retry_after(headers: Headers) -> float:
    """Seconds of `Retry-After`, in either form; 0 where it is absent or makes no sense."""
    text = find(headers, b"retry-after").decode("latin-1").strip()
    if text.isdigit() and len(text) < 9:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time()) if text else 0.0
    except ValueError:
        return 0.0


def rate_limit(policy: bytes, slices: list[Slice], now: float) -> bytes:
    """`RateLimit-Policy` and `RateLimit` lines: what is left of each limit, as far as is known here."""
    items = []
    for piece in slices:
        leases = piece.leases
        left = piece.elsewhere + (leases[0].left if leases else 0)
        wait = piece.reset_at - now
        items.append(b'"%b";r=%d;t=%d' % (piece.label, left if left > 0 else 0, wait if wait > 0 else 0))
    return b"%bratelimit: %b\r\n" % (policy, b", ".join(items))
