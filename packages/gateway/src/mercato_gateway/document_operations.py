"""The operations under `/v1` in the gateway's document: descriptions, body fields, an example of request and answer.

Bodies go to the service unchanged except for `model`; so a schema names what the gateway reads and allows the rest.
"""

from typing import Any, NamedTuple

Schema = dict[str, Any]


class Described(NamedTuple):
    """`stream` is an example of the events of a streamed answer, empty for operations without any."""

    summary: str
    description: str
    fields: Schema
    required: tuple[str, ...]
    body: dict[str, Any]
    answer: dict[str, Any]
    stream: str


_MODEL: Schema = {
    "type": "string",
    "description": "`vendor/service`, with an optional version, range or alias after `@`",
    "examples": ["acme/chat", "acme/chat@^1.2", "acme/chat@canary"],
}
_STREAM: Schema = {"type": "boolean", "default": False, "description": "Answer with server-sent events"}
_BOUND: Schema = {
    "type": "integer",
    "minimum": 1,
    "description": "Most tokens of the answer. The call's hold covers them; without a bound it covers 1,024",
}
_MESSAGES: Schema = {"type": "array", "items": {"type": "object"}, "description": "The conversation so far"}
_OPENAI_USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
_HELLO = [{"role": "user", "content": "Say hello."}]

DESCRIBED: dict[str, Described] = {
    "/v1/chat/completions": Described(
        "Continue a conversation",
        "OpenAI's chat completions. A streamed call always requests usage from the service; the usage event is removed "
        "again unless the client asked for it with `stream_options`.",
        {
            "model": _MODEL,
            "messages": _MESSAGES,
            "stream": _STREAM,
            "stream_options": {
                "type": ["object", "null"],
                "description": "`include_usage` adds a last event with usage",
            },
            "max_completion_tokens": _BOUND,
            "max_tokens": _BOUND,
            "n": {
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "How many answers; the hold covers all",
            },
        },
        ("model", "messages"),
        {"model": "acme/chat", "messages": _HELLO, "max_completion_tokens": 64},
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1793610000,
            "model": "chat-small",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"},
            ],
            "usage": _OPENAI_USAGE,
        },
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1793610000,"model":"chat-small",'
        '"choices":[{"index":0,"delta":{"content":"Hello!"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ),
    "/v1/completions": Described(
        "Continue a text",
        "OpenAI's older completions, streamed and metered like chat completions.",
        {
            "model": _MODEL,
            "prompt": {"type": ["string", "array"], "description": "The text, or several"},
            "stream": _STREAM,
            "max_tokens": _BOUND,
            "n": {"type": "integer", "minimum": 1, "default": 1, "description": "How many answers to each prompt"},
            "best_of": {
                "type": "integer",
                "minimum": 1,
                "description": "How many answers are generated to choose from",
            },
        },
        ("model", "prompt"),
        {"model": "acme/chat", "prompt": "Say hello.", "max_tokens": 64},
        {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1793610000,
            "model": "chat-small",
            "choices": [{"index": 0, "text": " Hello!", "finish_reason": "stop"}],
            "usage": _OPENAI_USAGE,
        },
        'data: {"id":"cmpl-1","object":"text_completion","created":1793610000,"model":"chat-small",'
        '"choices":[{"index":0,"text":" Hello!","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ),
    "/v1/embeddings": Described(
        "Turn texts into vectors",
        "OpenAI's embeddings. May be retried on another deployment as long as no byte of an answer has arrived.",
        {
            "model": _MODEL,
            "input": {"type": ["string", "array"], "description": "The text, or several"},
            "encoding_format": {
                "type": "string",
                "enum": ["float", "base64"],
                "description": "How vectors are encoded",
            },
        },
        ("model", "input"),
        {"model": "acme/embedder", "input": ["Force majeure"]},
        {
            "object": "list",
            "model": "embedder-small",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.0123, -0.0456, 0.0789]}],
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        },
        "",
    ),
    "/v1/responses": Described(
        "Create a response",
        "OpenAI's responses. Usage is read from the answer, or from the stream's last event.",
        {
            "model": _MODEL,
            "input": {"type": ["string", "array"], "description": "The text, or items of a conversation"},
            "stream": _STREAM,
            "max_output_tokens": _BOUND,
        },
        ("model", "input"),
        {"model": "acme/chat", "input": "Say hello.", "max_output_tokens": 64},
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1793610000,
            "model": "chat-small",
            "status": "completed",
            "output": [
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]},
            ],
            "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
        },
        'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello!"}\n\n'
        'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","status":"completed",'
        '"usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12}}}\n\n',
    ),
    "/v1/messages": Described(
        "Continue a conversation (Anthropic)",
        "Anthropic's messages, for services that speak its protocol. Errors have Anthropic's shape.",
        {"model": _MODEL, "messages": _MESSAGES, "stream": _STREAM, "max_tokens": _BOUND},
        ("model", "messages", "max_tokens"),
        {"model": "acme/scribe", "messages": _HELLO, "max_tokens": 64},
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "scribe-small",
            "content": [{"type": "text", "text": "Hello!"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 9, "output_tokens": 3},
        },
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
        '"text":"Hello!"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
    "/v1/messages/count_tokens": Described(
        "Count the tokens of a conversation (Anthropic)",
        "Anthropic's token count, as the service computes it. May be retried on another deployment.",
        {"model": _MODEL, "messages": _MESSAGES},
        ("model", "messages"),
        {"model": "acme/scribe", "messages": _HELLO},
        {"input_tokens": 9},
        "",
    ),
}
