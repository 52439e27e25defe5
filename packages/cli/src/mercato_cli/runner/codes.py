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
        Code("malformed_http", 400, "The request is not HTTP/1.1", "Use an HTTP client."),
        Code("unknown_operation", 404, "No such operation", "`GET /openapi.json` lists the operations."),
        Code("wrong_method", 405, "The operation has a different method", "`GET /openapi.json` lists the operations."),
        Code("slow_request", 408, "The request did not arrive in time", "Send it faster, or less of it."),
        Code("body_too_large", 413, "The body is too large", "Send fewer names or eras in a request."),
        Code("invalid_request", 422, "The request does not fit the contract", "Fix the fields that are named."),
        Code(
            "unknown_contract", 422, "The contract is not supported", "Send one of the contracts that `detail` names."
        ),
        Code("handler_failed", 500, "The handler failed", "Tell the vendor, with the request's id."),
        Code(
            "handler_broke_contract",
            500,
            "The handler's answer does not fit the contract",
            "Tell the vendor; `mp validate` shows the vendor what is wrong.",
        ),
        Code("busy", 503, "All slots are in use", "Try again in a second."),
        Code("handler_too_slow", 504, "The handler did not answer in time", "Send less, or tell the vendor."),
    )
}
