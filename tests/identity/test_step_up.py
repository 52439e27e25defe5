"""What is dangerous needs a proof from the last ten minutes, through every route that does it."""

from datetime import timedelta
from typing import Any

import httpx

from tests.conftest import People, TestClock
from tests.identity.test_sign_in import bearer

_PASSWORD = "correct horse battery"
DANGEROUS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/api/approvals/sbm_0", {"decision": "approve", "reason": "looks well"}),
    ("POST", "/api/kill-switches/kil_0/lift", {"reason": "over"}),
    ("POST", "/api/billing/close", {"period": "2026-10"}),
    ("PUT", "/api/users/usr_0/role", {"role": "viewer"}),
    ("POST", "/api/users/usr_0/disable", {"keep_keys": False}),
    ("DELETE", "/api/sso", {}),
)


async def test_an_old_proof_is_refused_and_a_new_one_lets_it_through(
    api: httpx.AsyncClient, people: People, clock: TestClock
) -> None:
    await people.operator()
    signed_in = await api.post("/api/sessions", json={"email": "operator@example.org", "password": _PASSWORD})
    headers = bearer(signed_in.json())

    async def codes() -> list[str]:
        answers = [
            await api.request(method, path, json=body or None, headers=headers) for method, path, body in DANGEROUS
        ]
        return [answer.json().get("code", "done") for answer in answers]

    fresh = await codes()
    assert "step_up_needed" not in fresh
    clock.advance(timedelta(minutes=10, seconds=1))
    assert await codes() == ["step_up_needed"] * len(DANGEROUS)
    proved = await api.post("/api/sessions/current/proof", json={"password": _PASSWORD}, headers=headers)
    assert proved.status_code == 204
    assert await codes() == fresh
