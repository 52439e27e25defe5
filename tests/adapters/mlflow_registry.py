"""A real MLflow 3 for the tests of a file, and the registry port over it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowClient, MlflowRegistry
from mercato.registry import (
    RegisteredModel,
    RegisteredVersion,
)
from tests.support.mlflow import MlflowServer

URL = "https://market.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


def at(url: str, marketplace: str = "ours", prefix: str = "mercato") -> MlflowRegistry:
    return MlflowRegistry(MlflowClient(read_address(url)), prefix=prefix, marketplace=marketplace)


class CountingClient(MlflowClient):
    """Counts the requests that it sends."""

    asked = 0

    async def ask(self, method: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        self.asked += 1
        return await super().ask(method, path, content)


@pytest.fixture
async def registry(server: MlflowServer) -> AsyncIterator[MlflowRegistry]:
    """Of a marketplace of this test alone, all of whose models are removed before the next one."""
    registry = at(server.url)
    yield registry
    for name in [one.registered_name async for one in registry.list_own()]:
        await registry.remove(name)
    await registry.close()


def version(key: str, number: str, **tags: str) -> RegisteredVersion:
    return RegisteredVersion(key, number, f"What is new in {number}", {"version": number, "status": "live", **tags})


def model(
    name: str = "acme/embedder", *versions: RegisteredVersion, key: str = "svc_1", description: str = "An embedder",
    aliases: dict[str, str] | None = None, **tags: str,
) -> RegisteredModel:  # fmt: skip
    tags = {"service": name, "status": "listed", **tags}
    return RegisteredModel(key, name, description, tags, versions, aliases or {})


ONE, TWO = version("rel_1", "1.0.0", digest="sha256:1"), version("rel_2", "1.1.0", digest="sha256:2")
