"""Every refusal of the runner: codes never change their meaning."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A refusal: its stable name, its HTTP status, what it means and what to do."""

    name: str
    status: int
    title: str
    fix: str


CODES = {
    code.name: code
    for code in (
        Code("malformed_http", 400, "The request is no HTTP/1.1", "Use an HTTP client."),
        Code("unknown_operation", 404, "There is no such operation", "See GET /openapi.json for what there is."),
        Code("wrong_method", 405, "The operation has another method", "See GET /openapi.json for what there is."),
        Code("slow_request", 408, "The request did not arrive in time", "Send it faster, or less of it."),
        Code("body_too_large", 413, "The body is too large", "Send fewer names or eras in a request."),
        Code("invalid_request", 422, "The request does not fit the contract", "Mend the fields that are named."),
        Code("unknown_contract", 422, "The contract is not one that is served", "Send one of those that are named."),
        Code("handler_failed", 500, "The handler failed", "Tell the vendor, with the request's id."),
        Code(
            "handler_broke_contract",
            500,
            "The handler's answer does not fit the contract",
            "Tell the vendor; `mp validate` shows the vendor what is wrong.",
        ),
        Code("busy", 503, "All places are taken", "Try again in a second."),
        Code("handler_too_slow", 504, "The handler did not answer in time", "Send less, or tell the vendor."),
    )
}
