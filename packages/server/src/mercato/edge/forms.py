"""Bodies of `application/x-www-form-urlencoded`, as OAuth's routes take them."""

from typing import Any
from urllib.parse import parse_qs

from fastapi import Request

from mercato.platform import Malformed

_TYPE = "application/x-www-form-urlencoded"
_MOST_FIELDS = 32


def form_body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """What the document says of a route's form (OpenAPI's `requestBody`): its fields as JSON Schema."""
    schema = {"type": "object", **({"required": list(required)} if required else {}), "properties": properties}
    return {"requestBody": {"required": True, "content": {_TYPE: {"schema": schema}}}}


async def read_form(request: Request) -> dict[str, str]:
    """The fields of the form; empty ones are left out. Raises `Malformed`: another type, or a field sent twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        raise Malformed(f"The body must be a form (`{_TYPE}`).")
    try:
        fields = parse_qs((await request.body()).decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed(f"The form has more than {_MOST_FIELDS} fields.") from None
    twice = sorted(name for name, values in fields.items() if len(values) > 1)
    if twice:
        raise Malformed(f"The form names {', '.join(twice)[:100]} more than once.")
    return {name: values[0] for name, values in fields.items()}
