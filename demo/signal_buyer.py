"""A consumer of signals: asks through the gateway, and watches from when on it is refused."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from demo.control import WAIT_SECONDS, Member
from demo.load import NotAnswered
from mercato_contracts.metering import UsageAnswer

_PAUSE_SECONDS = 0.02


class SignalBuyer:
    """Somebody with a subscription to each service and one key for all."""

    def __init__(self, member: Member, gateway_url: str, services: Sequence[str]) -> None:
        self.slug = member.slug
        self.answered = 0
        self._member = member
        for service in services:
            plans = {plan.name: plan.id for plan in member.listing(service).plans}
            member.post("/api/subscriptions", {"plan_id": plans["free"]})
        headers = {"authorization": f"Bearer {member.make_key('ck', 'desk')}", "content-type": "application/json"}
        self._http = httpx.Client(base_url=gateway_url, headers=headers, timeout=30)

    def ask(self, service: str, request: bytes) -> dict[int, dict[str, float]]:
        """Scores by era and id. Raises `NotAnswered`."""
        answer = self.call(service, request)
        if answer.status_code != 200:
            raise NotAnswered(f"{service} answered {answer.status_code}: {answer.text[:300]}")
        return {era["era"]: era["scores"] for era in answer.json()["eras"]}

    def call(self, service: str, request: bytes) -> httpx.Response:
        """One call, counted where it was answered."""
        answer = self._http.post(f"/s/{service}/v1/signals", content=request)
        self.answered += answer.status_code == 200
        return answer

    def watch(self, service: str, request: bytes) -> "Watch":
        """Calls of this service, one after the other, for as long as the block lasts."""
        return Watch(self, service, request)

    def metered(self) -> int:
        """Calls that the marketplace counted, once they are as many as were answered; gateways ship them in batches."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (count := self._count()) < self.answered and time.monotonic() < deadline:
            time.sleep(0.2)
        return count

    def _count(self) -> int:
        rows = UsageAnswer.model_validate(self._member.get("/api/usage", side="consumer")).totals
        return sum(row.calls for row in rows)


@dataclass
class Watch:
    """A thread that calls; what it saw is a list of when an answer came, its status and its code."""

    buyer: SignalBuyer
    service: str
    request: bytes
    seen: list[tuple[float, int, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            answer = self.buyer.call(self.service, self.request)
            code = "" if answer.status_code == 200 else str(answer.json().get("code"))
            self.seen.append((time.time(), answer.status_code, code))
            self._ended.wait(_PAUSE_SECONDS)

    def until_answered(self) -> None:
        """Returns when a call was answered."""
        self._until(200)

    def until_refused(self) -> float:
        """When the first call was refused, in seconds since the epoch; a few more are made before it returns."""
        refused_at = self._until(503)
        enough = len(self.seen) + 10
        while len(self.seen) < enough and self._thread.is_alive():
            time.sleep(_PAUSE_SECONDS)
        return refused_at

    def _until(self, status: int) -> float:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = next((at for at, seen, _ in list(self.seen) if seen == status), None)
            if found is not None:
                return found
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise NotAnswered(f"{self.service} was not answered with {status}; the last: {self.seen[-3:]}")
            time.sleep(0.005)

    def codes(self) -> set[str]:
        """Of all refusals."""
        return {code for _, status, code in self.seen if status != 200}

    def answered_later(self) -> list[float]:
        """When calls were answered after the first refusal."""
        first = next(at for at, status, _ in self.seen if status != 200)
        return [at for at, status, _ in self.seen if status == 200 and at > first]
