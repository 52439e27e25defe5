"""What a request's path names: a protocol's operation, or a path of a service."""

from dataclasses import dataclass
from urllib.parse import unquote

from mercato_gateway.catalog import Service
from mercato_gateway.operations import safe_path
from mercato_gateway.refusals import Refused, misplaced
from mercato_gateway.wire import Protocol


class ModelOperation:
    """An operation of a model service; under `/v1` the service is named by `model` in the body."""

    __slots__ = ("ask_usage", "gives_tokens", "idempotent", "name", "path", "protocol", "upstream")

    def __init__(
        self, protocol: Protocol, path: str, name: str, *, idempotent: bool, ask_usage: bool, gives_tokens: bool
    ) -> None:
        self.protocol = protocol
        self.path = path
        self.upstream = path.encode()
        self.name = name
        self.idempotent = idempotent
        self.ask_usage = ask_usage
        self.gives_tokens = gives_tokens


@dataclass(frozen=True, slots=True)
class ServicePath:
    """`/s/{vendor}/{service}[@range]/{path}`: the path decoded, and as sent, without the query."""

    service: str
    wanted: str
    path: str
    raw: bytes


def _operation(
    protocol: Protocol, path: str, *, idempotent: bool = False, ask_usage: bool = False, gives_tokens: bool = True
) -> ModelOperation:
    name = f"POST /v1{path}"
    return ModelOperation(protocol, path, name, idempotent=idempotent, ask_usage=ask_usage, gives_tokens=gives_tokens)


MODEL_OPERATIONS: dict[bytes, ModelOperation] = {
    b"/v1" + operation.upstream: operation
    for operation in (
        _operation("openai", "/chat/completions", ask_usage=True),
        _operation("openai", "/completions", ask_usage=True),
        _operation("openai", "/embeddings", idempotent=True, gives_tokens=False),
        _operation("openai", "/responses"),
        _operation("anthropic", "/messages"),
        _operation("anthropic", "/messages/count_tokens", idempotent=True, gives_tokens=False),
    )
}

MODEL_PATHS = frozenset(operation.path for operation in MODEL_OPERATIONS.values())
"""Of operations whose answers are known; a model service may have others."""

_V1_OPERATIONS = [
    *(operation.name for operation in MODEL_OPERATIONS.values()),
    "GET /v1/models",
    "GET /v1/models/{model}",
]


def split_model(model: str) -> tuple[str, str]:
    """`vendor/name` and the range after `@`, `latest` where there is none."""
    name, _, wanted = model.partition("@")
    return name, wanted or "latest"


def read_service_path(path: bytes) -> ServicePath:
    """Takes `/s/…` apart; raises `Refused`."""
    parts = path[3:].split(b"/", 2)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise Refused("not_found", "The path names no service.")
    service, wanted = split_model(unquote(parts[1].decode("ascii")))
    raw = b"/" + (parts[2] if len(parts) == 3 else b"")
    text = raw.decode("ascii")
    if not safe_path(text):
        raise Refused("bad_request", "The path has dot segments, backslashes or control characters.")
    return ServicePath(f"{parts[0].decode('ascii')}/{service}", wanted, unquote(text), raw)


def model_operation(method: str, path: bytes) -> ModelOperation:
    """The operation under `/v1`; raises `Refused` 404 or 405."""
    operation = MODEL_OPERATIONS.get(path)
    if operation is None:
        detail = f"There is no {path.decode('ascii')[:200]}. {_base_url_advice(path)}".rstrip()
        raise Refused("operation_not_found", detail, facts={"operations": _V1_OPERATIONS})
    if method != "POST":
        raise Refused("method_not_allowed", f"{operation.path} takes POST only.", allow="POST")
    return operation


def _base_url_advice(path: bytes) -> str:
    """Advice on the base URL of a client that calls a known operation at a wrong path."""
    wanted = misplaced(path)
    if wanted is None:
        return ""
    if wanted.startswith(b"/v1/messages"):
        end = "is this gateway's address without a path: Anthropic's clients add /v1 themselves"
    else:
        end = "ends in /v1, once"
    return f"It is {wanted.decode('ascii')} here: check that the base URL of your client {end}."


def wrong_task(operation: ModelOperation, service: Service) -> Refused:
    """The refusal of an operation that the service's task rules out. The service itself might send an error that
    clients retry.
    """
    right = [other for other in MODEL_OPERATIONS.values() if other.protocol == service.protocol]
    names = [other.name for other in right if other.path not in service.wrong_paths]
    detail = f"{service.name} is a service for {service.wire.task}; {operation.name} is not for that."
    return Refused("operation_not_found", detail, facts={"task": service.wire.task, "operations": names})
