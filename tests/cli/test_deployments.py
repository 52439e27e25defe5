"""An endpoint is registered, linked, heard, held when it is silent and let back, all with `mp` on real processes."""

import json
import stat
from collections.abc import Callable

import pytest

from tests.cli.conftest import Mp, Shop, join_vendor
from tests.support.http_server import Server
from tests.support.waiting import eventually

MANIFEST = """\
mercato: 1
name: vectors
version: 1.0.0
title: Vectors of sentences
summary: Turns a sentence into a vector of numbers, the same each time.
protocol: openai
task: embeddings
endpoint: {url: "http://127.0.0.1:9/v1", model: vectors}
plans:
  - name: free
    limits: [{unit: requests, per: minute, amount: 600}]
licence: MIT
"""


@pytest.fixture(scope="module")
def vendor(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """A vendor with a vendor key."""
    return join_vendor(shop, tmp_path_factory.mktemp("hosts"), "hosts")


@pytest.fixture(scope="module")
def deployment(vendor: Mp, shop: Shop, vectors: Server) -> str:
    """Registered: the release went through the pipeline at the address that was given."""
    (vendor.config / "service.yaml").write_text(MANIFEST)
    operator = Mp(vendor.config / "operator")
    operator.config.mkdir()
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0
    words = ("register", ".", "--endpoint", f"{vectors.url}/v1", "--wait-seconds", "1")

    def registered() -> bool:
        for waiting in operator.json("approvals", "list")["items"]:
            operator("approvals", "approve", waiting["submission"]["id"], "--reason", "looked at it")
        done = vendor(*words)
        assert done.returncode in (0, 5), done.stderr
        return done.returncode == 0

    eventually(registered, "the release")
    (item,) = vendor.json(*words)["items"]
    assert (item["service"], item["url"]) == ("hosts/vectors", f"{vectors.url}/v1")
    return str(item["id"])


def state_is(vendor: Mp, deployment: str, *, routed: bool) -> Callable[[], bool]:
    return lambda: bool(vendor.json("deployments", "show", deployment)["routed"] is routed)


def test_a_silent_deployment_is_held_and_let_back_with_its_next_heartbeat(vendor: Mp, deployment: str) -> None:
    unlinked = vendor("heartbeat", deployment)
    assert unlinked.returncode == 2
    assert f"mp link-infra {deployment}" in unlinked.stderr
    linked = vendor.json("link-infra", deployment, "--interval", "1")
    assert linked["link"]["state"] == "linked"
    (kept,) = (vendor.config / "mercato" / "deployments").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["token"].startswith("sit_")

    assert vendor.json("heartbeat", deployment)["deployment"] == deployment
    assert vendor.json("deployments", "show", deployment)["link"]["state"] in ("live", "stale")
    eventually(state_is(vendor, deployment, routed=False), "the worker holds it")
    shown = vendor("deployments", "list")
    assert "held (heartbeat)" in shown.stdout
    vendor("link-infra", deployment, "--interval", "600")
    assert vendor("heartbeat", deployment).returncode == 0
    assert vendor.json("deployments", "show", deployment)["routed"]


def test_a_revoked_token_speaks_no_more_and_linking_makes_another(vendor: Mp, deployment: str) -> None:
    vendor("link-infra", deployment, "--interval", "600")
    token = vendor("deployments", "token", deployment, "--scope", "heartbeats:write", "--seconds", "600")
    assert token.stdout.startswith("sit_")
    wide = vendor("deployments", "token", deployment, "--scope", "services:publish")
    assert wide.returncode == 1
    assert "token_scopes_too_wide" in json.dumps(json.loads(vendor("deployments", "token", deployment, "--scope",
                                                                  "services:publish", "--json").stderr))  # fmt: skip
    for item in vendor.json("deployments", "tokens", deployment)["items"]:
        assert vendor("deployments", "revoke-token", item["id"]).returncode == 0
    eventually(lambda: vendor("heartbeat", deployment).returncode == 3, "the revoked token is refused")
    vendor("link-infra", deployment, "--interval", "600")
    assert vendor("heartbeat", deployment).returncode == 0
