"""Calls through the gateway: single ones, and many clients at once that write down what they saw."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from tests.e2e.parties import Member
from tests.e2e.processes import until

PAUSE_SECONDS = 0.01
AFTER_TROUBLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its client saw it. `status` 0: the connection broke before the whole answer was there."""

    status: int
    request_id: str = ""
    code: str = ""
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: Any = None
    began: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether the whole answer of the service arrived."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send: a method and path at the gateway, and a JSON body."""

    path: str
    body: dict[str, Any] | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


def greeting(service: str) -> Ask:
    """Of a plain service, with or without a range: `acme/greeter@^1.0`."""
    return Ask(f"/s/{service}/greeting")


def embeddings(service: str, text: str = "turn this into a vector") -> Ask:
    return Ask("/v1/embeddings", {"model": service, "input": text})


def streamed_chat(service: str, text: str = "say these few words again please") -> Ask:
    messages = [{"role": "user", "content": text}]
    return Ask("/v1/chat/completions", {"model": service, "messages": messages, "stream": True})


class Client:
    """One caller with one key, each call on a connection of its own. `calls` has them all."""

    def __init__(self, gateway_url: str, key: str) -> None:
        self.calls: list[Call] = []
        self._url = gateway_url
        self._headers = {"authorization": f"Bearer {key}"}

    def call(self, ask: Ask) -> Call:
        """Once, whatever the answer."""
        began = time.monotonic()
        answer = httpx.request(ask.method, f"{self._url}{ask.path}", json=ask.body, headers=self._headers, timeout=30)
        self.calls.append(_seen(answer, began))
        return self.calls[-1]

    def until(self, ask: Ask, wanted: Callable[[Call], bool], seconds: float = 120) -> tuple[Call, float]:
        """Calls until an answer is as `wanted`; that answer, and after how many seconds it came."""
        began = time.monotonic()
        try:
            until(lambda: wanted(self.call(ask)), seconds, every=0.005)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last answer was {self.calls[-1]}") from None
        return self.calls[-1], time.monotonic() - began


def _seen(answer: httpx.Response, began: float) -> Call:
    is_json = "json" in answer.headers.get("content-type", "")
    body = json.loads(answer.content) if is_json else answer.text
    code = ""
    if answer.is_error and isinstance(body, dict):
        code = str(body.get("code") or (body.get("error") or {}).get("code") or "")
    return Call(answer.status_code, answer.headers.get("x-request-id", ""), code, answer.headers, body, began)


class Load:
    """Clients that call without end while the block lasts, each asking in turn; `calls` grows meanwhile.

    A call whose connection broke is written down with status 0 and not repeated.
    """

    def __init__(self, gateway_url: str, key: str, asks: list[Ask], *, clients: int = 8) -> None:
        self.calls: list[Call] = []
        self._url = gateway_url
        self._key = key
        self._asks = asks
        self._clients = clients
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Every call in flight ends; no more begin."""
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the clients did not come to an end"
        if self._failure is not None:
            raise self._failure

    @property
    def answered(self) -> list[Call]:
        return [each for each in self.calls if each.answered]

    def since(self, moment: float) -> list[Call]:
        """Calls that began after `moment` and have ended."""
        return [each for each in self.calls if each.began > moment]

    def until_answered(self, count: int, *, since: float = 0.0, seconds: float = 120) -> None:
        """Returns when `count` calls that began after `since` were answered."""

        def enough() -> bool:
            assert self._thread.is_alive() or self._failure is None, self._failure
            return sum(each.answered for each in self.since(since)) >= count

        until(enough, seconds, what=f"{count} more answered calls, after {self.kinds()}")

    def kinds(self) -> Counter[str]:
        """How many calls ended in which way."""
        return Counter(f"{each.status} {each.code}".strip() for each in self.calls)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error

    async def _serve(self) -> None:
        headers = {"authorization": f"Bearer {self._key}"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, timeout=30) as http:
            await asyncio.gather(*(self._client(http, place) for place in range(self._clients)))

    async def _client(self, http: httpx.AsyncClient, place: int) -> None:
        while not self._stop.is_set():
            ask = self._asks[place % len(self._asks)]
            place += 1
            began = time.monotonic()
            try:
                seen = _seen(await http.request(ask.method, ask.path, json=ask.body), began)
            except httpx.TransportError as error:
                # Nobody listened: nothing was sent, so there is nothing to account for.
                seen = Call(0, code="not_sent" if isinstance(error, httpx.ConnectError) else "cut_off", began=began)
            self.calls.append(seen)
            # A pace, and a rest where nobody answers: neither waits for anything.
            await asyncio.sleep(PAUSE_SECONDS if seen.answered else random.uniform(0.5, 1) * AFTER_TROUBLE_SECONDS)


async def all_at_once(
    asks: list[tuple[str, Ask]], key: str, *, after_each: Callable[[Call], None] = lambda seen: None
) -> list[Call]:
    """Every call on a connection of its own, all begun together; each goes to the gateway it names.

    `after_each` hears of a call as soon as it ended. One whose connection broke has status 0, as in `Load`.
    """

    async def one(http: httpx.AsyncClient, url: str, ask: Ask) -> Call:
        began = time.monotonic()
        try:
            seen = _seen(await http.request(ask.method, f"{url}{ask.path}", json=ask.body), began)
        except httpx.TransportError as error:
            seen = Call(0, code="not_sent" if isinstance(error, httpx.ConnectError) else "cut_off", began=began)
        after_each(seen)
        return seen

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60) as http:
        return await asyncio.gather(*(one(http, url, ask) for url, ask in asks))


def assert_each_metered_once(consumer: Member, calls: Sequence[Call]) -> None:
    """Every answered call has exactly one usage event, under its request id; no refused call has one.

    What was metered beyond that are calls whose answer was cut off on its way to the client, at most as many as those.
    """
    answered = [each.request_id for each in calls if each.answered]
    assert len(set(answered)) == len(answered), "each call has a request id of its own"
    metered = consumer.all_metered(len(answered))
    missing = [request for request in answered if request not in metered]
    twice = [request for request, times in metered.items() if times > 1]
    refused = [each for each in calls if 400 <= each.status < 500 and each.request_id in metered]
    cut_off = sum(each.code == "cut_off" for each in calls)
    assert (missing, twice, refused) == ([], [], [])
    assert len(metered) - len(answered) <= cut_off
