"""Real, unmodified clients work through the gateway as they do without it, and raise their own exceptions."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.conftest import Market, Report, run_driver
from tests.clients.environments import DRIVERS, node_client_environment, python_client_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # the first run installs the clients

ALL_MODELS = [
    f"acme/{name}" for name in ("capped", "capped-claude", "chat", "claude", "embedder", "slow", "slow-claude")
]


@dataclass(frozen=True)
class Client:
    """A client's driver, what else it can do, and its own names for errors."""

    driver: str
    operations: tuple[str, ...]
    errors: dict[str, str]


_COMMON = ("chat", "stream", "tools", "stream_tools")


def _errors(prefix: str, *, failed: str = "InternalServerError", timeout: str = "APITimeoutError") -> dict[str, str]:
    names = {
        "error_401": "AuthenticationError", "error_404": "NotFoundError", "error_429": "RateLimitError",
        "error_500": failed, "error_504": failed, "timeout": timeout,
    }  # fmt: skip
    return {operation: prefix + name for operation, name in names.items()}


CLIENTS = {
    "anthropic": Client("anthropic_sdk.py", (*_COMMON, "count_tokens"), _errors("anthropic.")),
    "langchain-openai": Client("langchain.py", (*_COMMON, "embeddings"), _errors("openai.")),
    "litellm": Client(
        "litellm_sdk.py",
        (*_COMMON, "embeddings", "anthropic_chat", "anthropic_stream"),
        {**_errors("litellm.", timeout="Timeout"), "error_504": "litellm.Timeout"},
    ),
    "openai-node": Client(
        "openai_node.mjs",
        (*_COMMON, "embeddings", "stream_without_usage"),
        _errors("", timeout="APIConnectionTimeoutError"),
    ),
    "ai-sdk": Client(
        "ai_sdk.mjs",
        (*_COMMON, "embeddings", "tool_loop"),
        {**dict.fromkeys(_errors(""), "AI_APICallError"), "timeout": "TimeoutError"},
    ),
}


@dataclass(frozen=True)
class Seen:
    """What one client reports through the gateway, and directly at the provider."""

    client: Client
    gateway: Report
    direct: Report


async def _run(client: Client, market: Market) -> Seen:
    loop = asyncio.get_running_loop()
    driver = DRIVERS / client.driver
    command: list[str | Path]
    if driver.suffix == ".py":
        command = [await loop.run_in_executor(None, python_client_environment), driver]
    else:
        folder = await loop.run_in_executor(None, node_client_environment)
        for script in DRIVERS.glob("*.mjs"):  # Node looks for packages beside the script
            shutil.copy(script, folder)
        command = ["node", folder / driver.name]
    direct = await run_driver(command, market.direct, client.operations)
    return Seen(client, await run_driver(command, market.task, ["models", *client.operations, *client.errors]), direct)


@pytest.fixture(scope="module", params=CLIENTS)
async def seen(request: pytest.FixtureRequest, market: Market) -> Seen:
    return await _run(CLIENTS[request.param], market)


def test_every_operation_gives_what_the_provider_gives(seen: Seen) -> None:
    for operation in seen.client.operations:
        direct = seen.direct[operation]
        assert "value" in direct, f"{operation} fails without the gateway too: {direct}"
        assert seen.gateway[operation] == direct, operation


def test_the_words_and_the_counts_are_the_providers(seen: Seen) -> None:
    said = seen.gateway["chat"]["value"]
    assert said[:3] == ["four words are here", 4, 4]
    assert "four words are here" in seen.gateway["stream"]["value"]


def test_tools_arrive_as_they_were_sent(seen: Seen) -> None:
    """The provider calls a tool with all that it was told about tools as arguments."""
    for operation in ("tools", "stream_tools"):
        answer = next(part for part in seen.gateway[operation]["value"] if isinstance(part, dict))
        assert "The weather of a city" in str(answer["tools"])


def test_models_are_those_of_the_key(seen: Seen) -> None:
    if "models" not in seen.gateway:
        pytest.skip("the AI SDK has no list of models")
    assert sorted(seen.gateway["models"].get("value", seen.gateway["models"])) == ALL_MODELS


def test_errors_are_the_clients_own(seen: Seen) -> None:
    for operation, kind in seen.client.errors.items():
        failed = seen.gateway[operation]
        assert kind in failed.get("raised", ()), f"{operation}: {failed}"
        expected = int(operation.removeprefix("error_")) if operation.startswith("error_") else None
        assert expected is None or failed["status"] in (expected, None), operation
