"""Every example of docs/sdks.md, with the real client, through a real gateway."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.clients.conftest import Market, market  # noqa: F401  (a fixture)
from tests.clients.environments import node_client_environment, python_client_environment
from tests.support.reader import ROOT

_PAGE = (ROOT / "docs" / "sdks.md").read_text()
_LOCK = Path(__file__).parent / "sdks.lock"
_EXAMPLES = [
    (heading, language, code)
    for heading, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", _PAGE, re.M | re.S)
    for language, code in re.findall(r"^```(python|js)\n(.*?)^```", text, re.M | re.S)
]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first run installs the clients


@pytest.mark.parametrize(("heading", "language", "code"), _EXAMPLES)
async def test_an_example_runs_as_it_is_written(
    heading: str,
    language: str,
    code: str,
    market: Market,  # noqa: F811
    tmp_path: Path,
) -> None:
    out = await _run(await _command(language, code, tmp_path), market)
    expected = "Rome" if heading == "instructor" else "Hello there"
    assert expected in out, heading
    if "embed" in code:
        assert "4 numbers" in out
    if "stream" in code and "tokens" in code:
        assert "2 tokens" in out


def test_every_client_has_an_example() -> None:
    answer = " ".join(heading for heading, _, _ in _EXAMPLES)
    for client in ("OpenAI", "Anthropic", "LangChain", "LlamaIndex", "litellm", "instructor", "pydantic-ai", "AI SDK"):
        assert client in answer


async def _command(language: str, code: str, folder: Path) -> list[str]:
    loop = asyncio.get_running_loop()
    if language == "python":
        python = await loop.run_in_executor(None, python_client_environment, _LOCK)
        script = folder / "example.py"
        script.write_text(code)
        return [str(python), str(script)]
    modules = await loop.run_in_executor(None, node_client_environment)
    (folder / "node_modules").symlink_to(modules / "node_modules")
    script = folder / "example.mjs"
    script.write_text(code)
    return ["node", str(script)]


async def _run(command: list[str], market: Market) -> str:  # noqa: F811
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "MERCATO_GATEWAY_URL": market.task["root"],
        "KEY": market.task["key"],
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()[-2000:]
    return out.decode()
