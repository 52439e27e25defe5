"""Submissions that wait for people, written as the pipeline leaves them; and what GraphQL answers."""

from typing import Any

import httpx

from mercato.identity import Caller
from mercato.publishing import Approval, Evidence, Submission
from tests.support.market import Market

_FINDING = {"code": "c", "level": "warning", "where": "", "message": "m", "fix": "Mend it."}


async def submit(market: Market, vendor: Caller, name: str = "speaker", people: int = 1) -> str:
    """The id of a submission of which the policy wants so many people."""
    now = market.clock.now()
    row = Submission(
        id=market.ids.new("sub"), vendor_id=vendor.organisation_id, service_name=name, version="1.0.0", manifest="",
        document=None, digest="0" * 64, state="waiting", created_by=vendor.actor, created_at=now,
    )  # fmt: skip
    async with market.database.transaction() as session:
        session.add(row)
        await session.flush()
        session.add(
            Approval(
                submission_id=row.id,
                state="pending",
                required_people=people,
                rule="speech",
                reason="",
                digest="0" * 64,
                created_at=now,
            )
        )
        for phase in (1, 2, 3):
            session.add(
                Evidence(
                    submission_id=row.id, phase=phase, name=f"phase {phase}", outcome="passed",
                    findings=[_FINDING], facts={}, started_at=now, ended_at=now,
                )
            )  # fmt: skip
    return row.id


async def ask(api: httpx.AsyncClient, headers: dict[str, str], query: str, **variables: Any) -> dict[str, Any]:
    """The whole answer, errors too."""
    answer = await api.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def codes(answer: dict[str, Any]) -> list[str]:
    """Of its errors."""
    return [error["extensions"]["code"] for error in answer.get("errors", [])]
