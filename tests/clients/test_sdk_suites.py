"""The SDKs' own suites pass against a mock of the vendor's API, and just so with the gateway in between.

The lists of tests and the vendors' API documents are data beside the repository (`../shared/data`), too large to copy.
"""

import asyncio
import os
import re
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.clients.environments import (
    DRIVERS,
    node_client_environment,
    python_client_environment,
    source_distribution,
)
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.support.ports import free_port
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DATA = Path(__file__).parents[3] / "shared" / "data"
BRACKETS = [
    f"--validator-{place}-{kind}-format=brackets" for place in ("query", "form") for kind in ("array", "object")
]
SUITE_SECONDS = 400
WHOLE_SUITE_SECONDS = 1200


@dataclass(frozen=True)
class Suite:
    """An SDK's release, and where the document of its API is; `OPENAI_DOCUMENT` and the like name another place."""

    sdk: str
    version: str
    document: str

    @property
    def document_path(self) -> Path:
        return Path(os.environ.get(f"{self.sdk.upper()}_DOCUMENT", DATA / "openapi" / "ai" / self.document))

    def tests(self) -> list[str]:
        """The ids that pass without a gateway, as pytest takes them."""
        lines = (DATA / "clients" / f"{self.sdk}-{self.version}_pass_dev.txt").read_text().splitlines()
        found = [re.fullmatch(r"([\w.]+)\.(Test\w+)::(.+)", line) for line in lines]
        return [f"{one[1].replace('.', '/')}.py::{one[2]}::{one[3]}" for one in found if one is not None]


SUITES = [
    Suite("anthropic", "2.12.0", "vendor-specs/anthropic-official.yml"),
    Suite("openai", "3.54.0", "vendor-specs/openai-official.yml"),
]


@dataclass(frozen=True)
class Result:
    """Of one run of a suite."""

    passed: int
    failed: frozenset[str]
    last_words: str


@dataclass(frozen=True)
class Prepared:
    """An unpacked suite, the Python that runs it, and the mock that answers it."""

    suite: Suite
    python: Path
    folder: Path
    mock: str

    def _every_file(self) -> list[str]:
        """Of the suite, but for tests whose mock in the client knows no address with a path: they ask no server."""
        said = {file: file.read_text() for file in sorted((self.folder / "tests" / "api_resources").rglob("test_*.py"))}
        return [
            str(file.relative_to(self.folder)) for file, text in said.items()
            if "respx" not in text or "base_url" in text
        ]  # fmt: skip

    async def run(self, url: str, key: str, *, whole: bool = False) -> "Result":
        """All listed tests against this address, or the `whole` suite."""
        wanted = self.folder / "wanted.txt"
        wanted.write_text("\n".join(self._every_file() if whole else self.suite.tests()))
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        environment = {
            **kept, "TEST_API_BASE_URL": url, "KEY_OF_TESTS": key, "SDK_OF_TESTS": self.suite.sdk,
            "PYTHONPATH": str(DRIVERS),
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            self.python, "-m", "pytest", "-q", "--tb=no", "-rfE", "-n", "2", "-p", "mercato_key", f"@{wanted}",
            cwd=self.folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(WHOLE_SUITE_SECONDS if whole else SUITE_SECONDS):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        said = out.decode()
        passed = re.search(r"\b(\d+) passed", said)
        failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.MULTILINE)
        return Result(int(passed[1]) if passed else 0, frozenset(failed), said[-2000:])


@pytest.fixture(params=SUITES, ids=lambda suite: suite.sdk)
async def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Prepared]:
    suite: Suite = request.param
    if not suite.document_path.exists():
        pytest.skip(f"no document of the API of {suite.sdk} is here for the mock: {suite.document_path}")
    loop = asyncio.get_running_loop()
    lock = Path(__file__).with_name("suites.lock")
    python = await loop.run_in_executor(None, python_client_environment, lock)
    node = await loop.run_in_executor(None, node_client_environment)
    archive = await loop.run_in_executor(None, source_distribution, lock, suite.sdk, suite.version)
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):  # not in the first releases of Python 3.11; the archive's hash was checked
            packed.extraction_filter = tarfile.data_filter
        packed.extractall(tmp_path)
    port = free_port()
    # Node's wrapper would leave the mock behind, so its own process is started.
    mock = next(node.glob("node_modules/@stdy/cli-*/bin/steady"))
    process = await asyncio.create_subprocess_exec(
        mock, "--host", "127.0.0.1", "-p", str(port), "-q", *BRACKETS, suite.document_path,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: _answers(f"http://127.0.0.1:{port}/_x-steady/health"), 60)
        yield Prepared(suite, python, tmp_path / f"{suite.sdk}-{suite.version}", f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(url)).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.timeout(5000))], ids=["listed", "whole"])
async def test_the_suite_passes_with_the_gateway_in_between_as_without(
    prepared: Prepared, tmp_path: Path, whole: bool
) -> None:
    """Published as any service with an API, and as a service of models, whose calls are read and metered."""
    directly = await prepared.run(prepared.mock, "", whole=whole)
    assert directly.passed, directly.last_words
    control = ControlPlane(token="a-token-of-tests")
    await control.start()
    protocols = {"api": "openapi", "models": prepared.suite.sdk}
    services = [
        a_service(f"acme/{name}", [a_release("1.0.0", [a_deployment(prepared.mock)])], protocol=protocol, paths="any")
        for name, protocol in protocols.items()
    ]
    for service in services:
        control.put_service(service)
    key = a_subscriber(control, *map(subscribe, services))
    gateway = GatewayProcess(control, tmp_path / "gateway")
    through: dict[str, Result] = {}
    try:
        await gateway.start()
        for name in protocols:
            through[name] = await prepared.run(f"{gateway.url}/s/acme/{name}", key, whole=whole)
    finally:
        await gateway.stop()
        await control.stop()
    for name, result in through.items():
        print(f"{prepared.suite.sdk}: {directly.passed} pass directly, {result.passed} through the gateway as {name}")
        assert sorted(result.failed - directly.failed) == [], result.last_words
        assert result.passed == directly.passed, result.last_words
