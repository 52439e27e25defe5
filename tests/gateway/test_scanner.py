"""The scanner, piece by piece, against a reading of the decoded document that shares nothing with it but names."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato_contracts.answers import NO_ERRORS, REASONING_NAMES, SAID_NAMES
from mercato_gateway.provider_wire import decode_answer
from mercato_gateway.scanner import Scanner
from mercato_gateway.texts import FILE_BYTES, FILE_NAMES, NO_TEXT_NAMES, TEXT_NAMES
from mercato_gateway.tokens import read_answer, read_usual
from mercato_gateway.usage import PART_NAMES, PASSED_NAMES, USAGE_NAMES, Usage, is_count

MESSAGES = {"message", "delta", "output", "item", "part", "content_block", "token"}
TEXTS = {"content", "text", "generated_text", "generation", "completion", "outputText", "output_text", "candidates"}
FILES = {"b64_json", "partial_image_b64"}
WRAPPERS = {"response", "result", "results", "data", "body", "generations", "predictions"}
STRINGS = {"delta", "output", "token", "response", "result"}
REPLIES = {"delta", "message"}
PLACES = MESSAGES | TEXTS | FILES | WRAPPERS | STRINGS | REASONING_NAMES | {"choices"}
"""Where an answer can have its text."""
ERRORS = ("error", "errors", "error_code")
FINISHES = ("finish_reason", "finishReason")
BASE64 = re.compile(r"[A-Za-z0-9+/=_\-\r\n]*")


class Oracle:
    """What a decoded answer holds."""

    def __init__(self, document: Any) -> None:
        self.usage = Usage()
        self.files = 0
        self.failed = False
        self.text, self.snapshot = self.top([document], "")
        says = any(document[key].lower() not in ("", *NO_ERRORS) if isinstance(document.get(key), str) else
                   isinstance(document.get(key), dict | list) for key in SAID_NAMES)  # fmt: skip
        self.complains = says and not any(map(self.answers, document, document.values()))

    def answers(self, key: str, value: Any) -> bool:
        """Whether a member is one that answers have."""
        if isinstance(value, str):
            return key in STRINGS | TEXTS | FILES | REASONING_NAMES
        return isinstance(value, dict | list) and key in PLACES | USAGE_NAMES

    def string(self, text: str, name: str) -> int:
        size = len(text.encode())
        runs = re.findall(r";base64,([A-Za-z0-9+/=_\-]*)", text)
        if runs:
            self.files += sum(min(len(run), FILE_BYTES) for run in runs)
            return size - sum(map(len, runs))
        if name not in TEXT_NAMES and BASE64.fullmatch(text) and (name in FILE_NAMES or size > FILE_BYTES):
            self.files += min(size, FILE_BYTES)
            return 0
        return size

    def content(self, value: Any, name: str) -> int:
        if isinstance(value, str):
            return self.string(value, name)
        if isinstance(value, list):
            return sum(self.content(part, name) for part in value)
        if isinstance(value, dict):
            return sum(self.content(part, key) for key, part in value.items() if key not in NO_TEXT_NAMES)
        return 0

    def message(self, value: Any, name: str) -> int:
        if isinstance(value, list):
            return sum(self.message(part, name) for part in value)
        if not isinstance(value, dict):
            return self.content(value, name)
        errors = ERRORS if name in REPLIES else ()
        self.look_for_failure(value, (*errors, *FINISHES))
        sizes = {
            key: self.content(part, key)
            for key, part in value.items()
            if key not in NO_TEXT_NAMES | PASSED_NAMES | {"usage", *errors}
        }  # fmt: skip
        self.take_usage(value.get("usage"))
        for key in PASSED_NAMES & value.keys():
            self.take_nested(key, value[key])
        reasoning = [size for key, size in sizes.items() if key in REASONING_NAMES]
        return sum(size for key, size in sizes.items() if key not in REASONING_NAMES) + max(reasoning, default=0)

    def choice(self, value: Any) -> int:
        if isinstance(value, list):
            return sum(map(self.choice, value))
        if not isinstance(value, dict):
            return 0
        self.look_for_failure(value, (*ERRORS, *FINISHES))
        sizes = {"text": self.content(value.get("text"), "text")}
        reasoning = [self.content(value[key], key) for key in REASONING_NAMES & value.keys()]
        for key, part in value.items():
            self.take_nested(key, part)
            if key in ("delta", "message") and isinstance(part, str | list | dict):
                sizes[key] = self.message(part, key)
        message = sizes["delta"] if "delta" in sizes else sizes.get("message", 0)
        return max(sizes["text"], message) + max(reasoning, default=0)

    def top(self, value: Any, name: str) -> tuple[int, int]:
        if isinstance(value, list):
            found = [self.top(part, name) for part in value if isinstance(part, dict | list)]
            found += [(self.string(part, name), 0) for part in value if isinstance(part, str) and name in STRINGS]
            return sum(text for text, _ in found), sum(snapshot for _, snapshot in found)
        self.look_for_failure(value, (*ERRORS, "type", "object", "status", *FINISHES))
        self.usage.read({key: part for key, part in value.items() if is_count(key)})
        text = snapshot = reasoning = 0
        for key, part in value.items():
            self.take_nested(key, part)
            size = repeated = 0
            if key in REASONING_NAMES:
                reasoning = max(reasoning, self.content(part, key))
            if key == "choices":
                size = self.choice(part)
            elif key in MESSAGES and (isinstance(part, dict | list) or key in STRINGS):
                size = self.message(part, key)
            elif key in TEXTS | FILES:
                size = self.content(part, key)
            elif key in WRAPPERS and isinstance(part, dict | list):
                size, repeated = self.top(part, key)
            elif key in STRINGS and isinstance(part, str):
                size = self.string(part, key)
            contained = isinstance(part, dict | list)
            if (key in ("response", "item", "part") and contained) or key == "generated_text":
                size, repeated = 0, max(size, repeated)
            text, snapshot = max(text, size), max(snapshot, repeated)
        return text + reasoning, snapshot

    def look_for_failure(self, value: dict[str, Any], keys: tuple[str, ...]) -> None:
        for key in keys:
            word = value.get(key)
            if key.startswith("error"):
                self.failed = self.failed or (bool(word) and str(word).lower() not in NO_ERRORS)
            elif isinstance(word, str):
                self.failed = self.failed or word.lower() == "error" or word.endswith((".failed", "_error"))

    def take_nested(self, key: str, part: Any) -> None:
        if key in USAGE_NAMES:
            self.take_usage(part)
        elif key in PASSED_NAMES and isinstance(part, list):
            for inner in part:
                self.take_nested(key, inner)
        elif (key in PASSED_NAMES or key.startswith("x_")) and isinstance(part, dict):
            for name, inner in part.items():
                if name in USAGE_NAMES:
                    self.take_usage(inner)

    def take_usage(self, value: Any) -> None:
        if isinstance(value, list):
            for part in value:
                self.take_usage(part)
        elif isinstance(value, dict):
            self.usage.read(value)
            for key, part in value.items():
                if isinstance(part, list) and (key in PART_NAMES or key in USAGE_NAMES):
                    self.take_usage(part)


def scanned(data: bytes, sizes: list[int]) -> Scanner:
    scanner = Scanner()
    at = 0
    for size in sizes:
        scanner.feed(data[at : at + size])
        at += size
    scanner.feed(data[at:])
    scanner.finish()
    return scanner


def found(reading: Any) -> tuple[Any, ...]:
    tokens = reading.usage.tokens
    counts = (tokens.into, tokens.out, tokens.cached) if tokens is not None else None
    return counts, reading.text, reading.snapshot, reading.files, reading.failed, reading.complains


COUNTS = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "eval_count",
]
NAMES = sorted(
    MESSAGES | TEXTS | FILES | WRAPPERS | {"usage", "choices", "error", "finish_reason", "type", "x_groq", "meta"}
    | {"thinking", "error_code", "detail", "msg"}
    | {"prompt_tokens_details", "reasoning", "reasoning_content", "tool_calls", "arguments", "id", "metadata", "words"}
    | {"image", "audio", "input", "embedding"} | set(COUNTS)
)  # fmt: skip
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.sampled_from(
        [
            "error", "7", "A" * 5000, "data:image/png;base64,iVBORw0KGgo=", "see ;base64,AA== and ;base64,!",
            '\\u0041"\\',
        ]
    ),
    st.integers(0, 6000).map(lambda size: base64.b64encode(bytes(size)).decode()),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 10**6), st.floats(0, 1e6), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
        st.fixed_dictionaries({}, optional=dict.fromkeys(COUNTS, st.integers(0, 10**6))),
    ),
    max_leaves=30,
)  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@settings(max_examples=600, deadline=None)
@given(
    document=DOCUMENTS, ascii_only=st.booleans(), spaced=st.booleans(), sizes=st.lists(st.integers(1, 40), max_size=60)
)
@example({"choices": [{"delta": {}, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}]}, True, True, [1] * 200)
@example({"content": [{"input": {"usage": {"prompt_tokens": 5, "completion_tokens": 5}}}]}, True, True, [])
@example({"error": {}}, True, True, [9])
@example({"error": [""]}, True, True, [])
@example({"input_tokens": [], "prompt_tokens": 0}, True, True, [])
@example({"completion_tokens": {"a": 7}, "prompt_tokens": 3}, True, True, [2] * 30)
@example({"text": "\U0001f30d" * 9}, True, True, [1] * 300)
def test_the_scanner_finds_in_pieces_what_is_in_the_whole(
    document: dict[str, Any], ascii_only: bool, spaced: bool, sizes: list[int]
) -> None:
    data = json.dumps(document, ensure_ascii=ascii_only, indent=2 if spaced else None).encode()
    assert found(scanned(data, sizes)) == found(Oracle(document))


@settings(max_examples=600, deadline=None)
@given(document=DOCUMENTS)
@example({"choices": [{"message": {"content": "a", "reasoning": "bb", "reasoning_content": "bb"}}]})
@example({"choices": [{"delta": {"content": "tokens"}}], "x_groq": {"usage": {"prompt_tokens": 4}}})
def test_usual_shapes_are_read_as_the_scanner_reads_them(document: dict[str, Any]) -> None:
    data = json.dumps(document).encode()
    usage = Usage()
    try:
        text = read_usual(decode_answer(data), data, usage)
    except msgspec.MsgspecError:
        text = -1
    scanner = scanned(data, [])
    if text < 0 or scanner.failed or len(PLACES & document.keys()) > 1:
        return
    tokens = usage.tokens
    if tokens is not None:
        return  # usage at the top stands, and nothing else is looked for
    assert (None, text) == (found(scanner)[0], max(scanner.text, scanner.snapshot) + scanner.files)


@settings(max_examples=400, deadline=None)
@given(document=DOCUMENTS, keep=st.floats(0, 1), noise=st.binary(max_size=8), size=st.integers(1, 50))
def test_no_bytes_stop_the_scanner(document: dict[str, Any], keep: float, noise: bytes, size: int) -> None:
    data = json.dumps(document).encode()
    broken = data[: int(keep * len(data))] + noise
    whole = found(scanned(broken, []))
    assert found(scanned(broken, [size] * (len(broken) // size))) == whole
    reading = read_answer(broken)
    assert reading.text <= len(broken)


@pytest.mark.parametrize("size", [1, 7, 50_000])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_large_answer_keeps_its_usage_and_a_file_counts_as_one(size: int, place: str) -> None:
    usage = b'"usage":{"prompt_tokens":13,"completion_tokens":21,"prompt_tokens_details":{"cached_tokens":5}}'
    length = 40_000 if size < 50_000 else 1_600_000
    output = b'"output":[{"type":"image_generation_call","result":"%b"},{"content":[{"text":"%b"}]}]' % (
        b"iVBORw0KGgo" * (length // 11), b"w" * 40
    )  # fmt: skip
    parts = [usage, output] if place == "before" else [output, usage]
    data = b"{" + b",".join(parts) + b"}"
    counts, text, _, files, failed, _ = found(scanned(data, [size] * (len(data) // size)))
    assert counts == (13, 21, 5)
    assert text == 40
    assert files == FILE_BYTES
    assert not failed


HOSTILE = [
    b"[" * 9, b'{"content":' * 9, b'"', b"\\", b'{"content":"\\', b'["a",' * 9, b"{}" * 9, b'{"a":[{"b":1}]},' * 9,
    b'{"text":"a\\u00e9', b'"x":"base64,', b'{"content":";base64,A', b" 1", b'{"delta":{"x":"AAAA!', b"A\\/",
    b"\\u002b",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_and_memory_grow_no_faster_than_the_answer(unit: bytes) -> None:
    def cost(length: int) -> int:
        scanner = Scanner()
        data = b'{"data":{"delta":' + unit * (length // len(unit))
        for at in range(0, len(data), 5000):
            scanner.feed(data[at : at + 5000])
        scanner.finish()
        return len(data)

    def seconds(length: int) -> float:
        return min(timed(lambda: cost(length)) for _ in range(3))

    small, large = seconds(20_000), seconds(160_000)
    assert large < 8 * 4 * small + 0.05


def timed(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
