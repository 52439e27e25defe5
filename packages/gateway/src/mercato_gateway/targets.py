"""What an address names: a protocol's operation, or a path of a service."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from mercato_gateway.operations import safe_path
from mercato_gateway.refusals import Refused
from mercato_gateway.wire import Protocol


class ModelOperation(NamedTuple):
    """An operation under `/v1`: the service is named by `model` in the body."""

    protocol: Protocol
    path: str
    name: str
    idempotent: bool
    ask_usage: bool
    gives_tokens: bool


@dataclass(frozen=True, slots=True)
class ServicePath:
    """`/s/{vendor}/{service}[@range]/{path}`; `raw` is the path as it goes upstream, without the query."""

    service: str
    wanted: str
    path: str
    raw: bytes


MODEL_OPERATIONS: dict[bytes, ModelOperation] = {
    b"/v1/chat/completions": ModelOperation(
        "openai", "/chat/completions", "POST /v1/chat/completions", False, True, True
    ),
    b"/v1/completions": ModelOperation("openai", "/completions", "POST /v1/completions", False, True, True),
    b"/v1/embeddings": ModelOperation("openai", "/embeddings", "POST /v1/embeddings", True, False, False),
    b"/v1/responses": ModelOperation("openai", "/responses", "POST /v1/responses", False, False, True),
    b"/v1/messages": ModelOperation("anthropic", "/messages", "POST /v1/messages", False, False, True),
    b"/v1/messages/count_tokens": ModelOperation(
        "anthropic", "/messages/count_tokens", "POST /v1/messages/count_tokens", True, False, False
    ),
}  # fmt: skip

_V1_OPERATIONS = [
    *(operation.name for operation in MODEL_OPERATIONS.values()),
    "GET /v1/models",
    "GET /v1/models/{model}",
]


def split_model(model: str) -> tuple[str, str]:
    """`vendor/name` and the range behind `@`, `latest` where there is none."""
    name, _, wanted = model.partition("@")
    return name, wanted or "latest"


def read_service_path(path: bytes) -> ServicePath:
    """Takes `/s/…` apart; raises `Refused`."""
    parts = path[3:].split(b"/", 2)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise Refused("not_found", "The address names no service.")
    service, wanted = split_model(unquote(parts[1].decode("ascii")))
    raw = b"/" + (parts[2] if len(parts) == 3 else b"")
    text = raw.decode("ascii")
    if not safe_path(text):
        raise Refused("bad_request", "The path has dot segments, encoded slashes or control characters.")
    return ServicePath(f"{parts[0].decode('ascii')}/{service}", wanted, unquote(text), raw)


def model_operation(method: str, path: bytes) -> ModelOperation:
    """The operation under `/v1`; raises `Refused` 404 or 405."""
    operation = MODEL_OPERATIONS.get(path)
    if operation is None:
        raise Refused(
            "operation_not_found", f"There is no {path.decode('ascii')[:200]}.", facts={"operations": _V1_OPERATIONS}
        )
    if method != "POST":
        raise Refused("method_not_allowed", f"{operation.path} takes POST only.", allow="POST")
    return operation
