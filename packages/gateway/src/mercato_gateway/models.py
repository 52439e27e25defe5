"""`/v1/models`: the model services that the key's organisation subscribes to, in OpenAI's or Anthropic's shape."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from mercato_gateway.authenticate import Terms
from mercato_gateway.catalog import Catalog
from mercato_gateway.refusals import Refused
from mercato_gateway.wire import SnapshotService

_MODEL_PROTOCOLS = ("openai", "anthropic")


def list_models(catalog: Catalog, terms: Terms, method: str, path: bytes, anthropic: bool) -> bytes:
    """The list, or one of it by name; raises `Refused`."""
    if method not in ("GET", "HEAD"):
        raise Refused("method_not_allowed", "Read models with GET.", allow="GET, HEAD")
    services = [catalog.find_by_id(service_id) for service_id in terms.by_service]
    known = [service for service in services if service is not None and service.is_open_to(terms.consumer_id)]
    found = [service for service in known if service.protocol in _MODEL_PROTOCOLS]
    found.sort(key=lambda service: (service.vendor, service.name))
    if path != b"/v1/models":
        return _one(found, unquote(path.removeprefix(b"/v1/models/").decode("ascii")), anthropic)
    models = [_model(service, anthropic) for service in found]
    if anthropic:
        ends = {"first_id": models[0]["id"] if models else None, "last_id": models[-1]["id"] if models else None}
        return msgspec.json.encode({"data": models, "has_more": False, **ends})
    return msgspec.json.encode({"object": "list", "data": models})


def _one(services: list[SnapshotService], name: str, anthropic: bool) -> bytes:
    for service in services:
        if name.partition("@")[0] == f"{service.vendor}/{service.name}":
            return msgspec.json.encode(_model(service, anthropic))
    raise Refused("service_not_found", f"You have no subscription to a model `{name[:130]}`.")


def _model(service: SnapshotService, anthropic: bool) -> dict[str, Any]:
    name = f"{service.vendor}/{service.name}"
    if anthropic:
        created = datetime.fromtimestamp(service.created, UTC).isoformat().replace("+00:00", "Z")
        return {"type": "model", "id": name, "display_name": service.title, "created_at": created}
    return {"id": name, "object": "model", "created": service.created, "owned_by": service.vendor}
