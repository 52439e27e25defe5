"""A call and the answer to it, as a client and an upstream write them."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

TEXT = "text"
PATHS = {
    "openai": ["/embeddings", "/chat/completions", "/completions", "/responses"],
    "anthropic": ["/messages", "/messages/count_tokens"],
}
REPEATABLE = {"/embeddings", "/messages/count_tokens"}
STREAMS = {"/chat/completions", "/completions", "/messages"}
_OPEN_BODY = {"/chat/completions": "messages", "/completions": "prompt", "/responses": "input", "/embeddings": "input"}
DEFAULT_OUTPUT = 1024


@dataclass(frozen=True)
class Ask:
    """A call to a model. `door` is `v1`, or `s` for the service's own path; `most` its bound of output tokens."""

    service: str = "acme/first"
    version: str = ""
    path: str = "/chat/completions"
    door: str = "v1"
    size: int = 9
    system: int = 0
    most: int | None = 50
    times: int | None = None
    stream: str = ""
    packed: bool = False
    subscription: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although a vendor saw it."""
        return self.path in REPEATABLE

    @property
    def streams(self) -> bool:
        return bool(self.stream) and self.path in STREAMS

    @property
    def asks_usage(self) -> bool:
        """Whether the gateway asks for usage that the client did not ask for."""
        return self.streams and self.stream == "plain" and self.path in ("/chat/completions", "/completions")

    def body(self) -> bytes:
        """As the client writes it."""
        return gzip.compress(self.text()) if self.packed else self.text()

    def text(self) -> bytes:
        """Before it is packed."""
        written: dict[str, Any] = {"model": self.service + self.version}
        message = [{"role": "user", "content": "i" * self.size}]
        written[_OPEN_BODY.get(self.path, "messages")] = message if "messages" in self._input() else "i" * self.size
        if self.system:
            written["system" if self.path in PATHS["anthropic"] else "instructions"] = "s" * self.system
        if self.most is not None:
            written["max_output_tokens" if self.path == "/responses" else "max_tokens"] = self.most
        if self.times is not None:
            written["n"] = self.times
        if self.streams:
            written["stream"] = True
            if self.stream == "usage":
                written["stream_options"] = {"include_usage": True}
        return json.dumps(written).encode()

    def _input(self) -> str:
        return _OPEN_BODY.get(self.path, "messages")

    def estimate(self) -> tuple[int, int]:
        """Input and output tokens that are held: one for each four bytes of text, and what the call lets be given."""
        into = -(-(self.size + self.system) // 4)
        if self.repeatable:
            return into, 0
        return into, (DEFAULT_OUTPUT if self.most is None else self.most) * (self.times or 1)


@dataclass(frozen=True)
class Reply:
    """What an upstream answers. `usage` as it is stated: `whole`, `floats`, `digits`, `absurd`, `none`."""

    status: int = 200
    usage: str = "whole"
    into: int = 5
    out: int = 7
    cached: int = 0
    size: int = 9
    packed: bool = False
    cut: bool = False
    error: bool = False
    done: bool = True
    held: bool = False

    def _number(self, count: int) -> Any:
        return {"floats": float(count), "digits": str(count), "absurd": -1 - count}.get(self.usage, count)

    def _usage(self, ask: Ask) -> dict[str, Any]:
        into, out, cached = self._number(self.into), self._number(self.out), self._number(self.cached)
        if ask.path in PATHS["anthropic"]:
            return {"input_tokens": into, "cache_read_input_tokens": cached, "output_tokens": out}
        if ask.path == "/responses":
            return {"input_tokens": into, "output_tokens": out, "input_tokens_details": {"cached_tokens": cached}}
        if ask.path == "/embeddings":
            return {"prompt_tokens": into, "total_tokens": into}
        return {"prompt_tokens": into, "completion_tokens": out, "prompt_tokens_details": {"cached_tokens": cached}}

    def body(self, ask: Ask) -> bytes:
        """Of an answer that is no stream; before it is packed."""
        if self.error or self.status >= 400:
            return b'{"error":{"type":"theirs","message":"no"}}'
        written: dict[str, Any] = {"id": "x"}
        if ask.path == "/messages/count_tokens":
            return json.dumps({"input_tokens": self._number(self.into)} if self.usage != "none" else written).encode()
        if ask.path == "/messages":
            written["content"] = [{"type": TEXT, TEXT: "o" * self.size}]
        elif ask.path == "/chat/completions":
            written["choices"] = [{"message": {"role": "assistant", "content": "o" * self.size}}]
        elif ask.path == "/completions":
            written["choices"] = [{TEXT: "o" * self.size}]
        elif ask.path == "/responses":
            written["output"] = [{"type": "message", "content": [{"type": "output_text", TEXT: "o" * self.size}]}]
        else:
            written["data"] = [{"embedding": [0.5]}]
        if self.usage != "none":
            written["usage"] = self._usage(ask)
        return json.dumps(written).encode()

    def events(self, ask: Ask) -> list[tuple[bytes, bool]]:
        """Of a stream: its events, and of each whether it is the one that tells usage and nothing else."""
        out = self.size * "o"
        if self.error:
            return [(_event({"error": {"message": "no"}}), False)]
        if ask.path in PATHS["anthropic"]:
            first = {"input_tokens": self._number(self.into), "output_tokens": self._number(1)}
            first |= {"cache_read_input_tokens": self._number(self.cached)}
            last = {"output_tokens": self._number(self.out)}
            rows: list[dict[str, Any]] = [
                {"type": "message_start", "message": {"role": "assistant"}},
                {"type": "content_block_delta", "delta": {"type": "text_delta", TEXT: out}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            ]
            if self.usage != "none":
                rows[0]["message"]["usage"], rows[2]["usage"] = first, last
            if self.done:
                rows.append({"type": "message_stop"})
            return [(b"event: " + row["type"].encode() + b"\n" + _event(row), False) for row in rows]
        choice = {TEXT: out} if ask.path == "/completions" else {"delta": {"content": out}}
        found = [(_event({"choices": [choice]}), False)]
        if self.usage != "none":
            found.append((_event({"choices": [], "usage": self._usage(ask)}), True))
        return [*found, *([(b"data: [DONE]\n\n", False)] if self.done else [])]


def _event(row: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(row).encode() + b"\n\n"
