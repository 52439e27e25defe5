"""Consumers' programs: the unmodified OpenAI SDK for vectors and chat, plain HTTP for signals."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol

import httpx
import httpx2  # what the OpenAI SDK speaks with
import openai

TIMEOUT_SECONDS = 30.0


NOT_SENT = "not_sent"
"""Nobody listened: there was no connection to send the call on."""
CUT_OFF = "cut_off"
"""The call was sent and the connection broke before its whole answer was there."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its client saw it. `status` 0 where no whole answer came; then `code` is one of the two below."""

    consumer: str
    service: str
    plan: str
    status: int
    request_id: str
    code: str
    tokens_in: int
    tokens_out: int
    started: float
    seconds: float

    @property
    def vendor(self) -> str:
        """Of the service."""
        return self.service.split("/")[0]

    @property
    def answered(self) -> bool:
        """Whether the whole answer of the service arrived."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who calls what: a consumer's key for a service under a plan. `service` is `vendor/name`."""

    consumer: str
    service: str
    plan: str
    key: str


class Client(Protocol):
    """Something that can call once, over and over."""

    def call(self) -> Call: ...
    def close(self) -> None: ...


class _Watch:
    """Times one call and writes it down."""

    def __init__(self, buyer: Buyer) -> None:
        self._buyer = buyer
        self._started = time.time()
        self._begun = time.perf_counter()

    def note(self, status: int, request_id: str = "", code: str = "", tokens_in: int = 0, tokens_out: int = 0) -> Call:
        elapsed = time.perf_counter() - self._begun
        who = (self._buyer.consumer, self._buyer.service, self._buyer.plan)
        return Call(*who, status, request_id, code, tokens_in, tokens_out, self._started, elapsed)

    def note_broken(self, error: Exception) -> Call:
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
        return self.note(0, code=NOT_SENT if isinstance(cause, httpx.ConnectError | httpx2.ConnectError) else CUT_OFF)

    def note_refusal(self, refused: openai.APIStatusError) -> Call:
        return self.note(refused.status_code, refused.response.headers.get("x-request-id", ""), str(refused.code))


class EmbeddingClient:
    """`embeddings.create` of the OpenAI SDK; it does not retry, so that what it counts is what it sent."""

    def __init__(self, base_url: str, buyer: Buyer, sentences: Sequence[str]) -> None:
        self._buyer = buyer
        self._sentences: Iterator[str] = cycle(sentences)
        self._sdk = openai.OpenAI(base_url=base_url, api_key=buyer.key, max_retries=0, timeout=TIMEOUT_SECONDS)

    def call(self) -> Call:
        watch = _Watch(self._buyer)
        try:
            raw = self._sdk.embeddings.with_raw_response.create(model=self._buyer.service, input=next(self._sentences))
            answer = raw.parse()
        except openai.APIStatusError as refused:
            return watch.note_refusal(refused)
        except openai.APIConnectionError as broken:
            return watch.note_broken(broken)
        assert [len(row.embedding) for row in answer.data] == [384], "a vector of 384 numbers"
        return watch.note(raw.status_code, raw.headers.get("x-request-id", ""), tokens_in=answer.usage.prompt_tokens)

    def close(self) -> None:
        self._sdk.close()


class ChatClient:
    """`chat.completions.create` of the OpenAI SDK, streamed."""

    def __init__(self, base_url: str, buyer: Buyer, questions: Sequence[str], tokens: int) -> None:
        self._buyer = buyer
        self._questions: Iterator[str] = cycle(questions)
        self._tokens = tokens
        self._sdk = openai.OpenAI(base_url=base_url, api_key=buyer.key, max_retries=0, timeout=120)

    def call(self) -> Call:
        watch = _Watch(self._buyer)
        try:
            raw = self._sdk.chat.completions.with_raw_response.create(
                model=self._buyer.service,
                messages=[{"role": "user", "content": next(self._questions)}],
                max_tokens=self._tokens,
                stream=True,
                stream_options={"include_usage": True},
            )
            chunks = list(raw.parse())
        except openai.APIStatusError as refused:
            return watch.note_refusal(refused)
        except (openai.APIConnectionError, httpx2.TransportError) as broken:
            return watch.note_broken(broken)
        usage = chunks[-1].usage
        assert usage is not None, "the last chunk of a stream carries the usage that was asked for"
        assert sum(bool(chunk.choices) for chunk in chunks) > 1, "a stream comes in pieces"
        request_id = raw.headers.get("x-request-id", "")
        return watch.note(raw.status_code, request_id, "", usage.prompt_tokens, usage.completion_tokens)

    def close(self) -> None:
        self._sdk.close()


class SignalClient:
    """`POST /v1/signals` with plain HTTP. `base_url` is the gateway's address of the service, or the server's own."""

    def __init__(self, base_url: str, buyer: Buyer, bodies: Sequence[bytes]) -> None:
        self._buyer = buyer
        self._bodies: Iterator[bytes] = cycle(bodies)
        headers = {"authorization": f"Bearer {buyer.key}", "content-type": "application/json"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=TIMEOUT_SECONDS)

    def call(self) -> Call:
        watch = _Watch(self._buyer)
        try:
            answer = self._http.post("/v1/signals", content=next(self._bodies))
        except httpx.TransportError as broken:
            return watch.note_broken(broken)
        payload = answer.json()
        if answer.is_success:
            assert len(payload["scores"]) == 3, "a score for each name asked for"
        return watch.note(answer.status_code, answer.headers.get("x-request-id", ""), str(payload.get("code", "")))

    def close(self) -> None:
        self._http.close()
