"""Serves the trained stock signal over HTTP, as `openapi.yaml` says.

python examples/stock-signals/serve.py --state .state/stock-signals --port 9102
"""

import argparse
import gc
from importlib.metadata import version
from pathlib import Path

import lightgbm
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mercato_contracts.problem import MEDIA_TYPE, FieldError, Problem
from mercato_contracts.signals import SignalInferenceRequest
from model import HistoryNotUsable, ModelNotUsable, SignalModel

MOST_BYTES = 8 * 1024 * 1024  # 700 names with a year of closes each


class BodyTooLarge(Exception):
    """The request is larger than `MOST_BYTES`."""


def problem(
    status: int, code: str, title: str, detail: str, *, fix: str, errors: list[FieldError] | None = None
) -> Response:
    """A refusal as RFC 9457 has it."""
    refusal = Problem(
        type=f"urn:stock-signals:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        fix=fix,
        errors=errors or [],
    )
    return Response(refusal.model_dump_json(exclude_none=True), status, media_type=MEDIA_TYPE)


async def read_body(request: Request) -> bytes:
    """The whole body. Raises `BodyTooLarge` as soon as it is, without reading on."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


def parse(body: bytes) -> SignalInferenceRequest:
    """The request, checked against the contract. Raises pydantic's `ValidationError`."""
    return SignalInferenceRequest.model_validate_json(body)


def refuse_body(refused: ValidationError) -> Response:
    """422 that names each field."""
    errors = [
        FieldError(field=".".join(map(str, error["loc"])), code=error["type"], message=error["msg"])
        for error in refused.errors(include_url=False, include_context=False, include_input=False)[:50]
    ]
    return problem(
        422,
        "invalid_request",
        "The request does not fit the contract",
        f"{refused.error_count()} things are wrong; the first: {errors[0].field or 'body'}: {errors[0].message}",
        fix="Send a SignalInferenceRequest as openapi.yaml describes it.",
        errors=errors,
    )


class Handlers:
    """One method for each operation of `openapi.yaml`."""

    def __init__(self, model: SignalModel) -> None:
        self._model = model

    async def infer(self, request: Request) -> Response:
        """`POST /v1/signals`."""
        try:
            answer = self._model.score(parse(await read_body(request)))
        except ValidationError as refused:
            return refuse_body(refused)
        except HistoryNotUsable as refused:
            return problem(
                422,
                "history_not_usable",
                "Some names cannot be scored",
                str(refused),
                fix="Send 253 trading days for each name, the last at most 10 days before as_of.",
                errors=refused.errors[:50],
            )
        except BodyTooLarge:
            return problem(
                413,
                "body_too_large",
                "The request is too large",
                f"A request may have {MOST_BYTES} bytes.",
                fix="Send fewer names in a request.",
            )
        return Response(answer.model_dump_json(), media_type="application/json")

    async def describe(self, request: Request) -> Response:
        """`GET /v1/model`."""
        metrics = self._model.metrics
        return JSONResponse(
            {
                "model": f"stock-signals@{self._model.sha256[:12]}",
                "sha256": self._model.sha256,
                "horizon_days": metrics["horizon_days"],
                "lag_days": metrics["lag_days"],
                "names": metrics["data"]["names"],
                "trained_on": [metrics["data"]["first_day"], metrics["data"]["last_day"]],
                "walk_forward": {name: value for name, value in metrics["walk_forward"].items() if name != "each"},
                "caution": metrics["caution"],
            }
        )

    async def health(self, request: Request) -> Response:
        """`GET /healthz`: the model is loaded, or the server would not have started."""
        return JSONResponse({"status": "ok", "lightgbm": version("lightgbm")})


async def refuse_route(request: Request, refused: Exception) -> Response:
    """404 and 405 in the same shape as every other refusal."""
    assert isinstance(refused, HTTPException)
    answer = problem(
        refused.status_code,
        "unknown_operation",
        refused.detail,
        f"There is no {request.method} {request.url.path} here.",
        fix="The operations are POST /v1/signals, GET /v1/model and GET /healthz.",
    )
    answer.headers.update(refused.headers or {})
    return answer


def make_app(model: SignalModel) -> Starlette:
    """The application around a loaded model."""
    handlers = Handlers(model)
    routes = [
        Route("/v1/signals", handlers.infer, methods=["POST"]),
        Route("/v1/model", handlers.describe, methods=["GET"]),
        Route("/healthz", handlers.health, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: refuse_route})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path(".state/stock-signals"), help="folder that train.py wrote")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9102)
    options = parser.parse_args()
    try:
        model = SignalModel.load(options.state)
    except (ModelNotUsable, lightgbm.basic.LightGBMError) as refused:
        parser.exit(1, f"stock-signals cannot start: {refused}\n")
    # A request of 20 names makes 5,000 small objects and so wakes the collector, which would walk through everything
    # that was imported: 80 ms in one call of ten. What is there by now stays anyway.
    gc.collect()
    gc.freeze()
    print(f"stock-signals on http://{options.host}:{options.port}, model {model.sha256[:12]}", flush=True)
    uvicorn.run(make_app(model), host=options.host, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
