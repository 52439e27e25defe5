"""A real Kafka broker of one node, on free loopback ports, from the Maven archives that `kafka/pom.xml` names."""

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import Consumer, Message

from tests.support.ports import free_ports

_HERE = Path(__file__).parents[1] / "adapters/kafka"
_LIBRARY = Path(__file__).parents[2] / ".engines/kafka"
SECONDS = 300.0
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
num.partitions=3
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def why_not() -> str | None:
    """What is missing to run a broker here."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"needs {' and '.join(missing)}" if missing else None


def _install() -> None:
    if not _LIBRARY.is_dir():
        part = _LIBRARY.with_name(f"kafka.{os.getpid()}")
        copy = ["mvn", "-q", "-B", "-f", str(_HERE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*copy, "-DincludeScope=runtime", f"-DoutputDirectory={part}"], check=True, timeout=900)
        part.rename(_LIBRARY)


class KafkaBroker:
    """Its data stay in `folder` when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self._controller = free_ports(2)
        self._process: asyncio.subprocess.Process | None = None
        self._java = (
            "java", "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={_HERE / 'log4j2.xml'}", "-cp", f"{_LIBRARY}/*",
        )  # fmt: skip

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Until it answers."""
        await asyncio.to_thread(_install)
        settings = self._folder / "server.properties"
        if not settings.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            words = _SETTINGS.format(port=self.port, controller=self._controller, folder=self._folder)
            settings.write_text(words)
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            format_it = [*self._java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
            await asyncio.to_thread(subprocess.run, format_it, check=True, capture_output=True, timeout=SECONDS)
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._java, "kafka.Kafka", str(settings), stdout=log, stderr=log
            )
        async with asyncio.timeout(SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, (self._folder / "log").read_text()[-4000:]
                await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL it is: nothing of a broker may be needed to keep what it confirmed."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()

    async def read(self, topics: list[str], count: int) -> list[Message]:
        """So many committed records of these topics, from their beginnings."""
        return await asyncio.to_thread(self._read, topics, count)

    def _read(self, topics: list[str], count: int) -> list[Message]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": uuid.uuid4().hex,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        consumer.subscribe(topics)
        found: list[Message] = []
        try:
            while len(found) < count:
                message = consumer.poll(SECONDS)
                assert message is not None, f"{len(found)} of {count} records in {SECONDS} s"
                assert message.error() is None, message.error()
                found.append(message)
        finally:
            consumer.close()
        return found
