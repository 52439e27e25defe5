"""A consumer of signals: asks through the gateway, and watches from when on it is refused."""

import time
from collections.abc import Sequence

import httpx

from demo.control import WAIT_SECONDS, Member
from demo.load import NotAnswered
from demo.watch import Watch
from mercato_contracts.metering import UsageAnswer


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

    def watch(self, service: str, request: bytes) -> Watch:
        """Calls of this service, one after the other, for as long as the block lasts."""
        return Watch(service, lambda: self._outcome(service, request))

    def _outcome(self, service: str, request: bytes) -> tuple[int, str]:
        answer = self.call(service, request)
        return answer.status_code, "" if answer.is_success else str(answer.json().get("code"))

    def metered(self) -> int:
        """Calls that the marketplace counted, once they are as many as were answered; gateways ship them in batches."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (count := self._count()) < self.answered and time.monotonic() < deadline:
            time.sleep(0.2)
        return count

    def _count(self) -> int:
        rows = UsageAnswer.model_validate(self._member.get("/api/usage", side="consumer")).totals
        return sum(row.calls for row in rows)
