"""A vendor's machine, as a process of its own: `vendor_server.py PORT`.

Under `/v1` OpenAI's embeddings and chat, counting words as tokens; under `/{name}/greeting` a plain service that
answers with its name, and `/slow/greeting` takes its time. An input `fail with 503` is answered with that status;
one of `claim 5 9000` with the claim of so many tokens in and out.
"""

import asyncio
import base64
import json
import re
import struct
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

MODEL = "words-1"
DIMENSIONS = 8
SLOW_SECONDS = 0.15


def count(text: str) -> int:
    """The tokens of a text: its words."""
    return len(text.split())


def _failure(text: str) -> Response | None:
    asked = re.fullmatch(r"fail with (\d{3})", text)
    if asked is None:
        return None
    error = {"message": "as you asked", "type": "server_error", "code": None, "param": None}
    return JSONResponse({"error": error}, int(asked[1]))


def _vector(text: str, encoding: str) -> list[float] | str:
    numbers = [float((len(text) * step) % 7) for step in range(1, DIMENSIONS + 1)]
    return base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *numbers)).decode() if encoding == "base64" else numbers


async def embed(request: Request) -> Response:
    """One vector for each text."""
    body = await request.json()
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if failed := _failure(texts[0]):
        return failed
    encoding = body.get("encoding_format", "float")
    data = [{"object": "embedding", "index": n, "embedding": _vector(text, encoding)} for n, text in enumerate(texts)]
    tokens = sum(map(count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": MODEL, "usage": usage})


async def chat(request: Request) -> Response:
    """Says the last message again, whole or word by word."""
    body = await request.json()
    text = body["messages"][-1]["content"]
    if failed := _failure(text):
        return failed
    tokens = sum(count(message["content"]) for message in body["messages"])
    usage = {"prompt_tokens": tokens, "completion_tokens": count(text), "total_tokens": tokens + count(text)}
    if claimed := re.fullmatch(r"claim (\d+) (\d+)", text):
        usage = {"prompt_tokens": int(claimed[1]), "completion_tokens": int(claimed[2])}
    if body.get("stream"):
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(_stream(text, usage if asked else None), media_type="text/event-stream")
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    answer = {"id": "chat-1", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL}
    return JSONResponse({**answer, "choices": [choice], "usage": usage})


async def _stream(text: str, usage: dict[str, int] | None) -> AsyncIterator[str]:
    for word in text.split():
        yield _chunk([{"index": 0, "delta": {"role": "assistant", "content": f"{word} "}, "finish_reason": None}])
        await asyncio.sleep(0.002)  # a model takes time between words
    yield _chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if usage is not None:
        yield _chunk([], usage=usage)
    yield "data: [DONE]\n\n"


def _chunk(choices: list[dict[str, Any]], **more: Any) -> str:
    head = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": MODEL}
    return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n"


async def models(request: Request) -> Response:
    """The one model."""
    entry = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "acme"}
    return JSONResponse({"object": "list", "data": [entry]})


async def greet(request: Request) -> Response:
    """Its own name."""
    name = request.path_params["name"]
    if name == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    return JSONResponse({"word": name, "length": len(name)})


app = Starlette(
    routes=[
        Route("/v1/models", models),
        Route("/v1/embeddings", embed, methods=["POST"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/{name}/greeting", greet),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
