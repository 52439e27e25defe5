"""Header fields on their way through: ours, those of one connection only, and those that are passed on.

Names are in lower case from the parser on, as in HTTP/2.
"""

import time
from email.utils import parsedate_to_datetime

from mercato_contracts.keys import PATTERN
from mercato_gateway.slices import Slice

Headers = list[tuple[bytes, bytes]]
Fields = dict[bytes, bytes]

# Hop-by-hop (RFC 9110, 7.6.1), framing (ours is new), and fields between client and gateway only. Cookies belong to us
# or to another service on the same host: they never reach a vendor, and a vendor sets none.
# What links a call to its caller's others, and baggage, which may hold anything: no vendor sees it (decision 0025).
_TRACES = frozenset(
    {
        b"traceparent", b"tracestate", b"baggage", b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid",
        b"x-b3-sampled", b"x-b3-flags", b"uber-trace-id", b"x-cloud-trace-context", b"x-amzn-trace-id",
        b"x-datadog-trace-id", b"x-datadog-parent-id", b"x-datadog-sampling-priority", b"x-datadog-tags",
        b"sentry-trace",
    }
)  # fmt: skip
_DROP_REQUEST = _TRACES | frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization",
        b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"content-length", b"host", b"expect", b"http2-settings",
        b"cookie", b"forwarded",
        b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-forwarded-prefix",
        b"x-forwarded-server", b"x-forwarded-ssl", b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip",
        b"true-client-ip", b"cf-connecting-ip", b"x-request-id", b"x-mercato-key", b"x-mercato-subscription",
    }
)  # fmt: skip
# Some servers take these for the method or the path, although others were checked against the published operations.
_OVERRIDES = frozenset(
    {
        b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-method",
        b"x-original-url", b"x-rewrite-url",
    }
)  # fmt: skip
_DROP_RESPONSE = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"trailer",
        b"transfer-encoding",
        b"upgrade", b"content-length", b"set-cookie", b"x-request-id", b"x-mercato-overhead-us", b"ratelimit",
        b"ratelimit-policy", b"alt-svc",
    }
)  # fmt: skip
_CARRIES_KEYS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_ORDINARY = frozenset({b"keep-alive", b"close"})


def find_key(fields: Fields) -> tuple[bytes, bytes]:
    """The caller's key and its field: `x-mercato-key` before `Authorization` before `x-api-key`."""
    own = fields.get(b"x-mercato-key")
    if own is not None:
        return own.strip(), b"x-mercato-key"
    bearer = fields.get(b"authorization", b"")
    api_key = fields.get(b"x-api-key")
    if bearer[:7].lower() == b"bearer ":
        bearer = bearer[7:].strip()
        if api_key is None or bearer[:3] == b"ck_":
            return bearer, b"authorization"
    return (api_key.strip(), b"x-api-key") if api_key else (b"", b"")


def _named(headers: Headers) -> frozenset[bytes]:
    """The fields that `Connection` names, in however many lines; never those that describe the body."""
    connection = b",".join(value for name, value in headers if name == b"connection")
    return frozenset(token.strip().lower() for token in connection.split(b",")) - {b"content-type", b"content-encoding"}


def _drops(headers: Headers, fields: Fields, always: frozenset[bytes]) -> frozenset[bytes]:
    repeated = len(fields) != len(headers)
    if repeated or fields.get(b"connection", b"close") not in _ORDINARY:
        return always | _named(headers)
    return always


def for_upstream(headers: Headers, fields: Fields, key_header: bytes, *, identity: bool, checked: bool) -> bytes:
    """The client's fields that are passed on, as lines.

    `identity` requests an answer without compression, which can be metered; the request's body was decoded too.
    `checked` where method and path were compared with the published operations: no field may then name others.
    """
    drops = _drops(headers, fields, _DROP_REQUEST | _OVERRIDES if checked else _DROP_REQUEST)
    lines = [
        name + b": " + value + b"\r\n"
        for name, value in headers
        # Servers that pass fields on as variables (CGI, WSGI) cannot tell `_` from `-`.
        if (name.replace(b"_", b"-") if b"_" in name else name) not in drops
        and name != key_header
        and not (name in _CARRIES_KEYS and _has_our_key(value))
    ]
    if identity:
        lines = [line for line in lines if not line.startswith((b"accept-encoding:", b"content-encoding:"))]
        lines.append(b"accept-encoding: identity\r\n")
    return b"".join(lines)


def without_field(lines: bytes, name: bytes) -> bytes:
    """These lines without the fields of that name, also where it is spelled with `_` for `-`."""
    unwanted = name.replace(b"_", b"-") + b":"
    return b"".join(
        [line for line in lines.splitlines(keepends=True) if line[: len(unwanted)].replace(b"_", b"-") != unwanted]
    )


def without_secret(headers: Headers, secret: bytes) -> Headers:
    """These fields without those that repeat the vendor's own secret, with or without a prefix."""
    last = secret.rpartition(b" ")[2]
    bare = last if len(last) >= 8 else secret
    return [(name, value) for name, value in headers if bare not in value and bare not in name]


def _has_our_key(value: bytes) -> bool:
    """A credential for another hop is passed on; one of ours never is."""
    return PATTERN.search(value.decode("latin-1")) is not None


def for_client(headers: Headers, fields: Fields) -> bytes:
    """The upstream's fields that are passed on, as lines."""
    drops = _drops(headers, fields, _DROP_RESPONSE)
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers if name not in drops])


def is_form(headers: Headers, fields: Fields) -> bool:
    """Whether any `Content-Type` line names a form with files."""
    kinds = [fields.get(b"content-type", b"")]
    if len(fields) != len(headers):
        kinds = [value for name, value in headers if name == b"content-type"]
    return any(kind.split(b";")[0].strip().lower() == b"multipart/form-data" for kind in kinds)


def retry_after(fields: Fields) -> float:
    """Seconds of `Retry-After`, in either form; 0 where it is absent or makes no sense."""
    text = fields.get(b"retry-after", b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time()) if text else 0.0
    except (ValueError, OverflowError):
        return 0.0


def rate_limit(policy: bytes, slices: list[Slice], now: float) -> bytes:
    """`RateLimit-Policy` and `RateLimit` lines: what is left of each limit, as far as this process knows."""
    items: list[bytes] = []
    for slice_ in slices:
        leases = slice_.leases
        left = slice_.elsewhere + (leases[0].left if leases else 0)
        wait = int(slice_.reset_at - now)
        items.append(b'"%b";r=%d;t=%d' % (slice_.label, left if left > 0 else 0, wait if wait > 0 else 0))
    return b"".join((policy, b"ratelimit: ", b", ".join(items), b"\r\n"))
