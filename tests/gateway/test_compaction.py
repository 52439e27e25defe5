"""Steps of a call that the usage lists beside the message's own counts."""

import json
from typing import Any

import pytest

from tests.gateway.metering import EVENTS, events, meter

# Of a whole answer or of the event that holds it: input, output and cached tokens.
SHAPES: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "Anthropic, compacted": (
        {"content": [], "usage": {"input_tokens": 23000, "output_tokens": 1000, "cache_read_input_tokens": 40,
            "iterations": [
                {"type": "compaction", "input_tokens": 180000, "output_tokens": 3500, "cache_read_input_tokens": 70},
                {"type": "message", "input_tokens": 23000, "output_tokens": 1000, "cache_read_input_tokens": 40}]}},
        (203110, 4500, 110),
    ),
    "Anthropic, compacted twice, with an advisor and a model that declined": (
        {"content": [], "usage": {"iterations": [
            {"input_tokens": 100, "output_tokens": 3, "type": "compaction", "cache_creation": {"a": 1}},
            {"type": "advisor_message", "input_tokens": 5000, "output_tokens": 600},
            {"type": "fallback_message", "input_tokens": 7000, "output_tokens": 800},
            {"input_tokens": 30, "output_tokens": 2, "type": "compaction"}],
            "input_tokens": 9, "output_tokens": 4}},
        (139, 9, 0),
    ),
    "steps that are none": (
        {"content": [], "usage": {"input_tokens": 9, "output_tokens": 4, "iterations": {"type": "compaction",
            "input_tokens": 100, "output_tokens": 3}}},
        (9, 4, 0),
    ),
    "more lists of steps": (
        {"content": [], "usage": {"input_tokens": 9, "output_tokens": 4, "iterations": [[{"type": "compaction",
            "input_tokens": 100, "output_tokens": 3}], 7, "compaction", {"type": ["compaction"], "input_tokens": 1}]}},
        (9, 4, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_steps_that_compact_are_added_to_what_the_message_took(case: str) -> None:
    document, counts = SHAPES[case]
    compact = json.dumps(document, separators=(",", ":")).encode()
    for body in (compact, b'{"first":"%b",%b' % (b"n" * 1_100_000, compact[1:])):
        assert meter(body, path="/v1/messages")[:4] == (*counts, "provider")
        stream = events('{"choices":[{"delta":{"content":"word"}}]}', body, "[DONE]")
        assert meter(stream, EVENTS, path="/v1/messages")[:4] == (*counts, "provider")


def test_a_compaction_in_a_stream_is_added_to_what_the_message_took() -> None:
    start = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 23, "output_tokens": 1}}}
    step = {"type": "compaction", "input_tokens": 180, "output_tokens": 35}
    for usage, counts in (
        ({"output_tokens": 10, "iterations": [step]}, (203, 45)),
        ({"output_tokens": 10, "input_tokens": 23, "iterations": [step]}, (203, 45)),
        ({"output_tokens": 10, "iterations": [step | {"input_tokens": -1}]}, (23, 1)),
    ):
        end = {"type": "message_delta", "delta": {}, "usage": usage}
        for first in ("", "n" * 1_100_000):
            stream = events(*(json.dumps({"first": first} | event) for event in (start, end, end)))
            assert meter(stream, EVENTS, path="/v1/messages")[:2] == counts
