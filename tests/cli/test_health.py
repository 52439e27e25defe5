"""`mp health` against a whole marketplace: each of its processes is probed by another one."""

import json

import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.waiting import eventually


@pytest.mark.slow
def test_every_service_of_a_running_marketplace_is_up(shop: Shop, mp: Mp) -> None:
    done = mp("login", "--url", shop.url, "--email", "admin@localhost", stdin=shop.operator_password)
    assert done.returncode == 0, done.stderr
    eventually(lambda: mp("health", "show").returncode == 0, "every service was probed and is up")
    found = mp.json("health", "show")
    by_prober = {each["name"]: each["probed_by"] for each in found["services"]}
    assert by_prober.pop("worker") == "admin"
    assert set(by_prober.values()) == {"worker"}
    assert {"publishing", "discovery", "consumption", "admin", "gateway", "postgresql"} <= by_prober.keys()
    figures = {gauge["name"] for each in found["services"] for gauge in each["gauges"]}
    assert {"outbox.webhooks.age", "spool_unshipped_seconds", "disk.free"} <= figures
    versions = {each["name"]: each["version"] for each in found["services"]}
    assert versions["gateway"]
    assert versions["worker"]
    assert versions["publishing"]
    history = mp.json("health", "history", "gateway", "--step", "quarter")
    assert sum(span["probes"] for span in history["spans"]) >= 1
    assert "Nothing went down." in mp("health", "changes").stdout or json.loads(
        mp("health", "changes", "--json").stdout
    )
