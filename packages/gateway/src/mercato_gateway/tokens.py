"""Tokens: what the provider states, and our own estimate where it states nothing.

The estimate is one token for each four bytes of UTF-8 text, rounded up, over the texts of the request or the answer
(without JSON syntax and names; an inline file counts as 1,000 tokens, see `texts`). It needs no vocabulary, is the
same for every model, and lies within a third of real tokenizers on English prose.
"""

import msgspec
from msgspec import UNSET

from mercato_gateway.provider_wire import AnswerSaid, ModelRequest, decode_answer
from mercato_gateway.scanner import Scanner
from mercato_gateway.texts import generated_bytes, input_bytes, is_audio, message_bytes
from mercato_gateway.usage import NO_TOKENS, Tokens, Usage

__all__ = [
    "NO_TOKENS", "Reading", "Tokens", "estimate_input", "read_answer", "read_scanned", "read_usual", "to_tokens",
]  # fmt: skip


class Reading:
    """Of an answer: the `usage` that the provider stated, bytes of generated `text`, whether it is an `error`.
    `settled` where no text arrived after the provider last stated its output, even if the answer broke off.
    `blank` where it holds nothing that any answer has, or is a page for people.
    """

    __slots__ = ("blank", "error", "settled", "text", "usage")

    def __init__(
        self, usage: Usage, text: int, error: bool = False, *, settled: bool = True, blank: bool = False
    ) -> None:
        self.usage = usage
        self.text = text
        self.error = error
        self.settled = settled
        self.blank = blank


def read_answer(body: bytes) -> Reading:
    """Reads a whole answer, in JSON however incomplete; any other text counts as text."""
    usage = Usage()
    try:
        text = read_usual(decode_answer(body), body, usage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = -1
    if text >= 0:
        return Reading(usage, text)
    scanner = Scanner()
    scanner.feed(body)
    return read_scanned(scanner)


def read_scanned(scanner: Scanner) -> Reading:
    """The result of a scanner for a whole answer."""
    scanner.finish()
    return Reading(
        scanner.usage, max(scanner.text, scanner.snapshot) + scanner.files, scanner.failed or scanner.complains
    )


def read_usual(answer: AnswerSaid, data: bytes, usage: Usage, *, streamed: bool = False) -> int:
    """Bytes of text in an answer or event of a usual shape, which has its text in one place; its usage is added to
    `usage`. -1 where it needs a scanner, as after a failure, or for a whole message within a stream.
    """
    stated = answer.usage is not None and usage.read(answer.usage)
    if answer.error or (answer.usage is not None and not stated):
        return -1
    text = 0
    choices = answer.choices
    if choices:
        for choice in choices:
            part = choice.delta
            if part is None:
                part = choice.message
                if streamed if part is not None else not choice.text:
                    return -1
            size = message_bytes(part) if part is not None else 0
            if choice.text is not None:
                size = max(size, generated_bytes(choice.text, "text")) if size >= 0 else -1
            if size < 0 or choice.usage is not None or choice.error or choice.finish_reason in ("error", "ERROR"):
                return -1
            text += size
    elif answer.delta is not None:
        kind = answer.type
        if kind is None or not kind.endswith("delta") or is_audio(kind):
            return -1
        text = generated_bytes(answer.delta, "delta")
    elif answer.content is not None or answer.output is not None:
        text = generated_bytes(answer.content, "content")
        other = generated_bytes(answer.output, "output")
        text = max(text, other) if min(text, other) >= 0 else -1
        if text == 0 or not stated:
            return -1  # perhaps a failure, or text of another name
    elif not (stated and usage.states_input and usage.states_output):
        return -1
    return -1 if not stated and _hints_at_more(data) else text


def _hints_at_more(data: bytes) -> bool:
    """Whether the name of a count or of a file may be in it, each of which has one of these parts: finds usage and
    files in unusual places without a scan of every event.
    """
    return data.find(b"okens") >= 0 or data.find(b"okenC") >= 0 or data.find(b"_count") >= 0 or data.find(b"b64") >= 0


def to_tokens(count: int) -> int:
    """The estimated tokens of that many bytes of text."""
    return -(-count // 4)


def estimate_input(request: ModelRequest | None) -> int:
    """The input tokens of a request, by the estimate above."""
    if request is None:
        return 0
    count = 0
    for part in (
        request.messages, request.prompt, request.input, request.system, request.instructions, request.tools
    ):  # fmt: skip
        if part is not UNSET:
            count += _bytes_in(bytes(part))
    return to_tokens(count)


def _bytes_in(text: bytes) -> int:
    """Bytes of text in a part of JSON. A plain string need not be decoded."""
    plain = text.startswith(b'"') and text.find(b"\\") < 0 and text[1:16].lower().find(b"data:") < 0
    if plain and text.find(b";base64,") < 0:
        return len(text) - 2
    try:
        return input_bytes(msgspec.json.decode(text), "input")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return len(text)
