"""What if: the desk's own optimizer over given scores, returns and limits. Nothing is stored."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response

from mercato.console.desk.book import percent
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.identity import Permission
from mercato.platform import Malformed, Refusal
from mercato.signals import optimize
from mercato_contracts.optimizer import OptimizerInferenceRequest, OptimizerInferenceResponse

router = page_router(slow=True)


@dataclass(frozen=True, slots=True)
class OptimizerPage:
    """The form, and the result once it was sent."""

    asked: str
    found: OptimizerInferenceResponse | None = None
    percent: Callable[[int], str] = field(default=percent)


@router.get("/desk/optimizer")
async def show_optimizer(visit: SignedIn) -> Response:
    """With an example to start from."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    return visit.show("desk/optimizer.html", OptimizerPage(_example()))


@router.post("/desk/optimizer")
async def ask(request: Request, visit: SignedIn) -> Response:
    """The same optimizer that makes the desk's portfolios."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    typed = (await Form.of(request)).raw("asked")
    try:
        wanted = as_request(OptimizerInferenceRequest, **_read(typed))
        found = await asyncio.to_thread(optimize, wanted)
    except Refusal as refusal:
        return visit.show("desk/optimizer.html", OptimizerPage(typed), refusal=refusal)
    return visit.show("desk/optimizer.html", OptimizerPage(typed, found))


def _read(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("The question is not JSON.") from None
    if not isinstance(parsed, dict):
        raise Malformed("The question is an object: see the example.")
    return parsed


def _example() -> str:
    extra: Any = OptimizerInferenceRequest.model_config["json_schema_extra"]
    return json.dumps(extra["examples"][0], indent=2)
