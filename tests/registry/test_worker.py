"""The worker's process feeds the registry that its settings name."""

from tests.support.http_server import stand_in
from tests.support.running import Place, open_folder
from tests.support.waiting import eventually


def test_a_worker_asks_the_registry_with_its_token_and_ends_with_it(database_url: str) -> None:
    with (
        stand_in(lambda method, path: (200, b"3.17.2" if path == "/version" else {})) as (url, shown),
        open_folder() as folder,
    ):
        place = Place(folder)
        named = {"DATABASE_URL": database_url, "MERCATO_MLFLOW_URL": url, "MERCATO_MLFLOW_TOKEN": "secret-token"}
        worker = place.start("serve", "worker", environment=place.environment | named)
        # Its version, whether it lets us in, and the models that are ours.
        eventually(lambda: len(shown) >= 3, "the worker asks the registry")
        assert worker.stop() == 0
        assert "secret-token" not in worker.err() + worker.out()
    assert set(shown) == {"Bearer secret-token"}
