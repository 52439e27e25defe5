"""A real OpenSearch node with k-NN, on free loopback ports, from the Maven archives that `opensearch/pom.xml` names."""

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import httpx

from tests.support.ports import free_ports

_HERE = Path(__file__).parents[1] / "adapters/opensearch"
_LIBRARY = Path(__file__).parents[2] / ".engines/opensearch"
_KNN = "org.opensearch.plugin:opensearch-knn:2.19.1.0:zip"
SECONDS = 600.0


def why_not() -> str | None:
    """What is missing to run a node here."""
    missing = [program for program in ("java", "javac", "mvn") if shutil.which(program) is None]
    return f"needs {' and '.join(missing)}" if missing else None


def is_installed() -> bool:
    """Whether the archives are there: the first run downloads 56 MB."""
    return _LIBRARY.is_dir()


def _install() -> None:
    if _LIBRARY.is_dir():
        return
    part = _LIBRARY.with_name(f"opensearch.{os.getpid()}")
    maven = ["mvn", "-q", "-B"]
    copy = [*maven, "-f", str(_HERE / "pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    subprocess.run([*copy, f"-DoutputDirectory={part}/lib"], check=True, timeout=900)
    subprocess.run([*maven, "dependency:copy", f"-Dartifact={_KNN}", f"-DoutputDirectory={part}"], check=True)
    shutil.unpack_archive(next(part.glob("opensearch-knn-*.zip")), part / "knn")
    path = f"{part}/lib/*:{part}/knn/*"
    subprocess.run(["javac", "-cp", path, "-d", f"{part}/classes", str(_HERE / "OpenSearchNode.java")], check=True)
    part.rename(_LIBRARY)


class OpenSearchNode:
    """Its data stay in `folder` when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self._transport = free_ports(2)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Until it answers, and what it holds can be asked."""
        await asyncio.to_thread(_install)
        (self._folder / "home/config").mkdir(parents=True, exist_ok=True)
        java = (
            "java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={_HERE / 'log4j2.xml'}",
            "-cp", f"{_LIBRARY}/classes:{_LIBRARY}/lib/*:{_LIBRARY}/knn/*",
            "OpenSearchNode", str(self._folder / "home"), str(self.port), str(self._transport),
        )  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*java, stdout=log, stderr=log)
        async with asyncio.timeout(SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, (self._folder / "log").read_text()[-4000:]
                await asyncio.sleep(0.2)

    async def _answers(self) -> bool:
        try:
            health = await self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=20s")
        except httpx.TransportError:
            return False
        return health.status_code == 200

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """What an operator would ask it beside the marketplace."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.request(method, f"{self.url}{path}", json=body)

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL it is: nothing of a node may be needed to keep what it confirmed."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()
