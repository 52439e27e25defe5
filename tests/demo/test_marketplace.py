"""The demonstration's processes know where the others listen: nothing that runs is shown as down."""

from pathlib import Path

import pytest

from demo.marketplace import Marketplace
from demo.processes import Processes
from mercato.app.places import places_of
from mercato.app.settings import Settings


def test_every_process_is_probed_where_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marketplace = Marketplace(Processes(tmp_path), tmp_path, (18000, 18080))
    for name, value in marketplace.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.port, settings.gateway_port) == (18000, 18080), "what pages show, and where services are tried"
    places = places_of(settings)
    assert places.of("worker") == (marketplace.worker_url,)
    assert places.of("gateway")[0] == marketplace.gateway_health_url
    assert marketplace.control_url in places.of("accounts")
