"""Tokens of deployments measured: how fast a cached one is looked up, and how soon a revoked one is dead."""

import time
from typing import Any

import httpx

from bench.discovery_rows import Row

CACHED_BAR_MS = 50.0
REVOCATION_BAR_S = 1.0
_LOOKUPS = 200
_REVOCATIONS = 10
_PACE_SECONDS = 0.06
"""Between two questions of one caller: the control API lets it ask 1,200 times a minute."""

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def make_vendor_key(port: int, email: str, password: str) -> str:
    """Of the vendor whose administrator this is."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as api:
        session = _answered(api.post("/api/sessions", json={"email": email, "password": password}))
        person = {"authorization": f"Bearer {session['access_token']}"}
        return str(_answered(api.post("/api/keys", json={"kind": "vk", "name": "bench"}, headers=person))["key"])


def measure_tokens(port: int, key: str) -> list[Row]:
    """With the first deployment of the vendor whose key this is."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as api:
        deployment = _answered(api.get("/api/deployments"))["items"][0]["id"]
        return [_lookups(api, deployment), _revocations(api, deployment)]


def _lookups(api: httpx.Client, deployment: str) -> Row:
    token = _exchange(api, deployment)["access_token"]
    times = []
    for _ in range(_LOOKUPS):
        began = time.perf_counter()
        assert _is_active(api, token)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(_PACE_SECONDS)
    ordered = sorted(times[1:])  # the first one proves the token, the others find it proven
    p95 = ordered[-(-len(ordered) * 95 // 100) - 1]
    return Row("introspection_cached_p95_ms", p95, "ms", "lower", CACHED_BAR_MS, (ordered[0], ordered[-1]))


def _revocations(api: httpx.Client, deployment: str) -> Row:
    """From the question to revoke until it is dead: the longest of several, each token in memory before."""
    times = []
    for _ in range(_REVOCATIONS):
        token = _exchange(api, deployment)
        assert _is_active(api, token["access_token"])
        began = time.perf_counter()
        answer = api.delete(f"/api/deployment-tokens/{token['token_id']}")
        assert answer.status_code == 204, answer.text
        while _is_active(api, token["access_token"]):
            time.sleep(0.005)
        times.append(time.perf_counter() - began)
        time.sleep(1)
    return Row("revocation_s", max(times), "s", "lower", REVOCATION_BAR_S, (min(times), max(times)))


def _exchange(api: httpx.Client, deployment: str) -> dict[str, Any]:
    key = api.headers["authorization"].removeprefix("Bearer ")
    form = {
        "grant_type": _EXCHANGE, "subject_token": key, "subject_token_type": _ACCESS_TOKEN, "audience": deployment,
    }  # fmt: skip
    return _answered(api.post("/api/oauth/token", data=form))


def _is_active(api: httpx.Client, token: str) -> bool:
    return bool(_answered(api.post("/api/introspect", data={"token": token}))["active"])


def _answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code < 300, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed
