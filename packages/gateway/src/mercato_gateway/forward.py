"""The request as the upstream receives it: our framing, the fields that are passed on, the upstream's model name."""

from mercato_gateway.bodies import rewrite
from mercato_gateway.catalog import Deployment, Service
from mercato_gateway.headers import without_field
from mercato_gateway.heads import RequestHead
from mercato_gateway.provider_wire import ModelRequest

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def upstream_request(
    head: RequestHead, service: Service, deployment: Deployment, path: bytes, body: bytes, digits: bytes,
    request: ModelRequest | None, metered: bool, adds_usage: bool,
) -> bytes:  # fmt: skip
    """The whole request. `metered` requests an answer without compression: its usage must be read."""
    if request is not None:
        body = rewrite(body, request, _model_for(head, service, deployment, request), ask_usage=adds_usage)
    checked = service.wire.paths != "any"  # may change while the deployment stays
    if head.sent_to is deployment and head.sent_uncompressed == metered and head.sent_checked == checked:
        start = head.sent_start
    else:
        start = head.sent_start = _start(head, deployment, path, metered, checked)
        head.sent_to, head.sent_uncompressed, head.sent_checked = deployment, metered, checked
    if body or head.method in _WITH_BODY:
        return b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (start, digits, len(body), body)
    return b"%b%b\r\n\r\n" % (start, digits)


def _start(head: RequestHead, deployment: Deployment, path: bytes, metered: bool, checked: bool) -> bytes:
    """The head up to the digits of the request id, which all requests with this head to this deployment share."""
    target = deployment.base + path
    if head.query:
        target += b"?" + head.query
    lines = head.lines_for_upstream(uncompressed=metered, checked=checked)
    pool = deployment.pool
    if pool.credential:
        lines = without_field(lines, pool.credential_field) + pool.credential
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%bx-request-id: req_" % (
        head.method.encode(), target, pool.authority, lines
    )  # fmt: skip


def _model_for(head: RequestHead, service: Service, deployment: Deployment, request: ModelRequest) -> bytes | None:
    """The model's name for the upstream, as JSON; `None` keeps the client's."""
    if not isinstance(request.model, str):
        return None
    if deployment.model is None and head.path.startswith(b"/v1/"):
        return service.model
    return deployment.model
