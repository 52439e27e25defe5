"""A small real provider: OpenAI's chat and embeddings and Anthropic's messages, whole and streamed, with tools.

It says the last message again and counts words as tokens. Where tools are given it calls the first of them, with all
that it was told about tools as the arguments, so that the client sees whether they arrived as they were sent.
`fail with 500` is answered with that status; `wait` is never answered.
"""

import asyncio
import json
import re
from typing import Any

from tests.fakes.upstream import STREAM_HEAD, Received, answer, chunk

Json = dict[str, Any]
DIMENSIONS = 4


def text_of(content: Any) -> str:
    """The words of a message, whether plain or in parts."""
    if isinstance(content, str):
        return content
    return " ".join(text_of(part.get("text", part.get("content", ""))) for part in content)


def count(text: str) -> int:
    """The tokens of a text: its words."""
    return len(text.split())


async def provide(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request of either protocol."""
    path = request.target.partition("?")[0]
    if path == "/v1/models":
        writer.write(_json({"object": "list", "data": []}))
        return
    body = request.json
    words = text_of(body["input"]) if path == "/v1/embeddings" and isinstance(body["input"], str) else ""
    if "messages" in body:
        words = text_of(body["messages"][-1].get("content") or "")
    if words == "wait":
        await reader.read(1)  # until the other side gives up
        writer.close()
        return
    failure = re.fullmatch(r"fail with (\d{3})", words)
    if failure:
        writer.write(_failure(path, int(failure[1])))
    elif path == "/v1/embeddings":
        writer.write(_json(_embeddings(body)))
    elif path == "/v1/chat/completions":
        writer.write(_chat(body, words))
    elif path == "/v1/messages/count_tokens":
        writer.write(_json({"input_tokens": _input_tokens(body)}))
    elif path == "/v1/messages":
        writer.write(_messages(body, words))
    else:
        writer.write(_failure(path, 404))


def _json(body: Json, status: int = 200) -> bytes:
    return answer(status, json.dumps(body).encode())


def _failure(path: str, status: int) -> bytes:
    error = {"type": "api_error", "message": "as you asked"}
    return _json({"type": "error", "error": error} if "/messages" in path else {"error": error}, status)


def _stream(events: list[tuple[str, Json]], *, named: bool) -> bytes:
    """Server-sent events, each in a chunk of its own."""
    out = [STREAM_HEAD]
    for name, data in events:
        out.append(chunk((f"event: {name}\n" if named else "").encode() + f"data: {json.dumps(data)}\n\n".encode()))
    return b"".join([*out, b"" if named else chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n"])


def _input_tokens(body: Json) -> int:
    return sum(count(text_of(message.get("content") or "")) for message in body["messages"])


def _told_about_tools(body: Json) -> Json:
    return {name: body[name] for name in ("tools", "tool_choice", "parallel_tool_calls") if name in body}


def _calls_tool(body: Json) -> bool:
    """A tool is called until its result is the last message."""
    last = body["messages"][-1]
    results = isinstance(last.get("content"), list) and any(p.get("type") == "tool_result" for p in last["content"])
    return bool(body.get("tools")) and last["role"] != "tool" and not results


def _embeddings(body: Json) -> Json:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = [
        {"object": "embedding", "index": n, "embedding": [float(len(text) % (d + 2)) for d in range(DIMENSIONS)]}
        for n, text in enumerate(texts)
    ]
    tokens = sum(map(count, texts))
    return {
        "object": "list", "data": rows, "model": "words-1", "usage": {"prompt_tokens": tokens, "total_tokens": tokens}
    }  # fmt: skip


# OpenAI's chat.


def _chat(body: Json, words: str) -> bytes:
    tokens = _input_tokens(body)
    message: Json = {"role": "assistant", "content": words}
    reason = "stop"
    if _calls_tool(body):
        function = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps(_told_about_tools(body))}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        reason = "tool_calls"
    usage = {"prompt_tokens": tokens, "completion_tokens": count(words), "total_tokens": tokens + count(words)}
    head = {"id": "chat-1", "created": 1_700_000_000, "model": "words-1"}
    if body.get("stream"):
        return _chat_stream(head, message, reason, usage if (body.get("stream_options") or {}) else None)
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return _json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _chat_stream(head: Json, message: Json, reason: str, usage: Json | None) -> bytes:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in re.findall(r"\S+\s*", message.get("content") or "")]
    for call in message.get("tool_calls", []):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        deltas.append({"tool_calls": [{"index": 0, **call, "function": {"name": name, "arguments": ""}}]})
        halves = (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :])
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": half}}]} for half in halves]
    head = {**head, "object": "chat.completion.chunk"}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if usage:
        chunks.append({**head, "choices": [], "usage": usage})
    return _stream([("", one) for one in chunks], named=False)


# Anthropic's messages.


def _messages(body: Json, words: str) -> bytes:
    block: Json = {"type": "text", "text": words}
    reason = "end_turn"
    if _calls_tool(body):
        name, found = body["tools"][0]["name"], _told_about_tools(body)
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": found}
        reason = "tool_use"
    usage = {"input_tokens": _input_tokens(body), "output_tokens": count(words)}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "words-1", "stop_sequence": None}
    if body.get("stream"):
        return _messages_stream(head, block, reason, usage)
    return _json({**head, "content": [block], "stop_reason": reason, "usage": usage})


def _messages_stream(head: Json, block: Json, reason: str, usage: Json) -> bytes:
    started = {**head, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 0}}
    if block["type"] == "text":
        empty: Json = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": word} for word in re.findall(r"\S+\s*", block["text"])]
    else:
        empty, found = {**block, "input": {}}, json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in (found[:20], found[20:])]
    events: list[tuple[str, Json]] = [
        ("message_start", {"message": started}),
        ("content_block_start", {"index": 0, "content_block": empty}),
        *(("content_block_delta", {"index": 0, "delta": delta}) for delta in deltas),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}),
        ("message_stop", {}),
    ]
    return _stream([(name, {"type": name, **data}) for name, data in events], named=True)
