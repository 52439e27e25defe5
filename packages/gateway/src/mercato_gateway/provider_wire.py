"""What is read of requests to model providers and of their answers, as msgspec structs; everything else is passed by.

Apart from the code that reads them, which is compiled: such a class cannot be.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class ModelRequest(Struct):
    """What is read of a request; everything else is passed on as it stands."""

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
    """A request of another kind: only its `model` must be what it is to us, other names may mean anything there."""

    stream: Any = None
    stream_options: Any = UNSET
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    n: Any = None
    best_of: Any = None


class UsageSaid(Struct):
    """The `usage` object of OpenAI's completions and responses and of Anthropic's messages.

    Of any type, as providers write anything: `tokens.merge` looks at each number.
    """

    prompt_tokens: Any = None
    completion_tokens: Any = None
    prompt_tokens_details: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    input_tokens_details: Any = None
    cache_read_input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    total_tokens: Any = None


class Text(Struct):
    """A message or a piece of one."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    tool_calls: list[Any] | None = None


class Choice(Struct):
    """One answer of several."""

    message: Text | None = None
    delta: Text | None = None
    text: str | None = None


class AnthropicDelta(Struct):
    """What an event adds."""

    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None


class Nested(Struct):
    """An object with the usage in it."""

    usage: UsageSaid | None = None


class AnswerSaid(Struct):
    """What is read of an answer or of one event of a stream; everything else is passed by."""

    type: str | None = None
    usage: UsageSaid | None = None
    choices: list[Choice] | None = None
    content: list[Any] | None = None
    output: list[Any] | None = None
    delta: AnthropicDelta | str | None = None
    message: Nested | None = None
    response: Nested | None = None
    input_tokens: Any = None
    error: Any = None


class TextSaid(Struct):
    """What an answer to a form says in text."""

    type: Any = None
    text: Any = None


decode_request = msgspec.json.Decoder(ModelRequest).decode
decode_other_request = msgspec.json.Decoder(OtherRequest).decode
decode_answer = msgspec.json.Decoder(AnswerSaid).decode
decode_text = msgspec.json.Decoder(TextSaid).decode
decode_usage = msgspec.json.Decoder(UsageSaid).decode
