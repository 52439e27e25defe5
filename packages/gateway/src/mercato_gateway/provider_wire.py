"""The parts that the gateway reads of requests to model providers and of their answers, as msgspec structs.

They are in a file of their own because such classes cannot be compiled, unlike the code that uses them.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class ModelRequest(Struct):
    """The members of a request that the gateway reads; all others are passed on unchanged."""

    model: str | UnsetType = UNSET
    stream: bool | None = None
    stream_options: dict[str, Any] | UnsetType | None = UNSET
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    best_of: int | None = None
    messages: Raw | UnsetType = UNSET
    prompt: Raw | UnsetType = UNSET
    input: Raw | UnsetType = UNSET
    system: Raw | UnsetType = UNSET
    instructions: Raw | UnsetType = UNSET
    tools: Raw | UnsetType = UNSET


class OtherRequest(ModelRequest):
    """A request of another kind: only `model` must have its usual type; other names may mean anything there."""

    stream: Any = None
    stream_options: Any = UNSET
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    n: Any = None
    best_of: Any = None


class Choice(Struct):
    """One answer of several."""

    message: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None
    text: str | None = None
    finish_reason: str | None = None
    usage: Any = None
    error: Any = None


class AnswerSaid(Struct):
    """The members of an answer, or of one event of a stream, in its usual shapes; `scanner` reads all others."""

    type: str | None = None
    usage: dict[str, Any] | None = None
    choices: list[Choice] | None = None
    content: Any = None
    output: Any = None
    delta: dict[str, Any] | str | None = None
    error: Any = None


decode_request = msgspec.json.Decoder(ModelRequest).decode
decode_other_request = msgspec.json.Decoder(OtherRequest).decode
decode_answer = msgspec.json.Decoder(AnswerSaid).decode
