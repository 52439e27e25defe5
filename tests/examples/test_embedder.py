"""The third party's embedding server does what our document says of it."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.examples import documents

DOCUMENT = documents.load(Path(__file__).parents[2] / "examples" / "embedder")


@pytest.mark.parametrize(
    "body",
    [
        {"input": "how much protein per day"},
        {"input": ["one", "two"], "input_type": "passage", "encoding_format": "base64"},
        {"input": []},
        {"input": [1, 2]},
        {},
    ],
)
def test_every_answer_is_described(embedder: str, body: dict[str, Any]) -> None:
    documents.assert_described(DOCUMENT, httpx.post(f"{embedder}/v1/embeddings", json=body))


def test_the_list_of_models_is_described(embedder: str) -> None:
    documents.assert_described(DOCUMENT, httpx.get(f"{embedder}/v1/models"))


def test_sixteen_clients_of_the_openai_sdk_are_all_answered_and_their_tokens_counted(embedder: str) -> None:
    def ask(number: int) -> tuple[int, float]:
        with openai.OpenAI(base_url=f"{embedder}/v1", api_key="none", max_retries=0) as client:
            answer = client.embeddings.create(model="e5-query", input=f"sentence number {number}")
        vector = answer.data[0].embedding
        return answer.usage.prompt_tokens, math.sqrt(sum(part * part for part in vector))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert all(tokens > 0 for tokens, _ in answers)
    assert [length for _, length in answers] == pytest.approx([1.0] * 64, abs=1e-3)
