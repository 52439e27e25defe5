"""The small language model answers and streams as our document says. Skipped where it is not installed."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from tests.examples import documents

DOCUMENT = documents.load(Path(__file__).parents[2] / "examples" / "smollm")
QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "What is the sea?"}


@pytest.mark.parametrize("body", [{"messages": [QUESTION], "max_tokens": 4}, {}, {"messages": "hello"}])
def test_every_answer_is_described(smollm: str, body: dict[str, Any]) -> None:
    documents.assert_described(DOCUMENT, httpx.post(f"{smollm}/v1/chat/completions", json=body, timeout=60))


def test_the_list_of_models_is_described(smollm: str) -> None:
    documents.assert_described(DOCUMENT, httpx.get(f"{smollm}/v1/models"))


def test_a_chat_is_streamed_in_pieces_and_ends_with_its_usage(smollm: str) -> None:
    with openai.OpenAI(base_url=f"{smollm}/v1", api_key="none", max_retries=0) as client:
        chunks = list(
            client.chat.completions.create(
                model="any", messages=[QUESTION], max_tokens=12, stream=True, stream_options={"include_usage": True}
            )
        )
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    usage = chunks[-1].usage
    assert len(pieces) > 3
    assert usage is not None
    assert 0 < usage.completion_tokens <= 12
