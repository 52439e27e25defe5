"""Every refusal of the gateway: its code, status, title and what to do next. The docs' table is made from this."""

from typing import NamedTuple


class Code(NamedTuple):
    """`name` never changes its meaning; `fix` is one sentence that a person can act on."""

    name: str
    status: int
    title: str
    fix: str


REQUEST_CODINGS = "gzip, deflate, zstd"
"""Codings that a request's body may have where the gateway must read it; a 415 names them in `Accept-Encoding`."""

_ALL = (
    Code("bad_request", 400, "Malformed request", "Send a well-formed HTTP/1.1 request."),
    Code("bad_body", 400, "Malformed body", "Send a JSON object, or a plain form, with the fields of this operation."),
    Code("model_missing", 400, "No model named", "Set `model` to `vendor/service`, for instance `acme/embedder`."),
    Code("bad_version_range", 400, "Invalid version range", "Use a version, an alias or a range such as `@^1.2`."),
    Code("key_missing", 401, "Missing key", "Send your key as `Authorization: Bearer ck_…`."),
    Code("key_malformed", 401, "Malformed key", "Copy the whole key again: a character is wrong or missing."),
    Code("key_invalid", 401, "Unknown or revoked key", "Create a new key with `mp keys make`."),
    Code("key_expired", 401, "Expired key", "Rotate the key and use the new one."),
    Code("scope_missing", 403, "The key may not call services", "Use a key that has the scope `call`."),
    Code(
        "key_address_refused",
        403,
        "The key is held to other addresses",
        "Call from one of its addresses, or change them with `mp keys hold`.",
    ),
    Code(
        "key_not_for_service",
        403,
        "The key is held to other services",
        "Use a key for this service, or change what this one is held to with `mp keys hold`.",
    ),
    Code(
        "not_subscribed",
        403,
        "Not subscribed",
        "Subscribe to a plan of this service, for instance with `mp subscribe`.",
    ),
    Code("not_found", 404, "Not found", "Call `/v1/…` or `/s/{vendor}/{service}/…`."),
    Code(
        "service_not_found", 404, "No such service", "Check the name with `mp search`, or list yours at `/v1/models`."
    ),
    Code("version_not_found", 404, "No such version", "Ask for a version that is live, or leave the range out."),
    Code("operation_not_found", 404, "No such operation", "Call one of the published operations listed in `facts`."),
    Code("method_not_allowed", 405, "Wrong method", "Use one of the methods in the `Allow` header."),
    Code("request_timeout", 408, "Request too slow", "Send the whole request without long pauses."),
    Code("body_too_large", 413, "Body too large", "Send a smaller body."),
    Code("target_too_long", 414, "URL too long", "Shorten the path or the query."),
    Code(
        "unsupported_encoding",
        415,
        "Unsupported body encoding",
        f"Send the body as it is, or compressed with one of {REQUEST_CODINGS}.",
    ),
    Code("headers_too_large", 431, "Headers too large", "Send fewer or shorter headers."),
    Code(
        "too_many_unknown_keys",
        429,
        "Too many unknown keys",
        "Check your key, and try again after `Retry-After` seconds.",
    ),
    Code(
        "rate_limit_exceeded",
        429,
        "Rate limit exceeded",
        "Wait for `Retry-After` seconds, then go on more slowly.",
    ),
    Code("quota_exceeded", 429, "Quota exceeded", "Wait for the next period, or subscribe to a larger plan."),
    Code("quota_exhausted", 429, "Included quota exhausted", "Wait for the next month, or choose a plan with overage."),
    Code("budget_exceeded", 429, "Budget exceeded", "Raise the budget, or wait for the next period."),
    Code("too_many_concurrent", 429, "Too many concurrent calls", "Wait for calls in flight to end."),
    Code("internal_error", 500, "Internal error", "Try again; if it keeps failing, report the request id."),
    Code("unsupported_transfer", 501, "Unsupported framing", "Send plain HTTP/1.1 with a Content-Length or chunked."),
    Code(
        "upstream_unreachable",
        502,
        "The service could not be reached",
        "Try again; if it keeps failing, tell the vendor.",
    ),
    Code(
        "upstream_bad_answer",
        502,
        "The service sent an invalid response",
        "Try again; if it keeps failing, tell the vendor.",
    ),
    Code("starting", 503, "The gateway is starting", "Try again after `Retry-After` seconds."),
    Code("draining", 503, "The gateway is stopping", "Try again; another process takes over."),
    Code("busy", 503, "Too busy", "Try again after `Retry-After` seconds."),
    Code("control_plane_unavailable", 503, "Keys cannot be checked now", "Try again after `Retry-After` seconds."),
    Code("limits_unavailable", 503, "Limits cannot be checked now", "Try again after `Retry-After` seconds."),
    Code(
        "usage_spool_full", 503, "Usage cannot be recorded now", "Try again later; the operator must free disk space."
    ),
    Code(
        "price_unknown",
        503,
        "The price of this call is unknown",
        "Try again; if it keeps failing, contact the operator.",
    ),
    Code("no_deployment", 503, "No deployment of the service is available", "Try again after `Retry-After` seconds."),
    Code("upstream_timeout", 504, "The service took too long", "Try again, or request less at once."),
)

CODES: dict[str, Code] = {code.name: code for code in _ALL}
