"""`python -m mercato_cli.hosting.host FOLDER LOCK`: keeps the wanted revision serving at one address.

Calls arrive at a fixed port and are passed to the runner of the serving revision. A new revision is started beside it
and takes over once it is healthy; the old one ends when its connections have ended. A runner that dies or hangs is
restarted, with growing pauses while it keeps dying. Runners die with their host.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import httpx

from mercato_cli.hosting.place import Place, Revision
from mercato_cli.hosting.pulse import Pulse

_TICK_SECONDS = 0.1
_HEALTH_SECONDS = 2.0
_HEALTH_TIMEOUT = 5.0
_SICK_MOST = 3
_START_SECONDS = 60.0
_DRAIN_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_WELL_SECONDS = 60.0
_PIECE = 65_536
_LAST_BYTES = 4_096
_PR_SET_PDEATHSIG = 1
_MIB = 1024 * 1024


class Runner:
    """A revision's process, once it has reported its address."""

    def __init__(self, revision: Revision, process: asyncio.subprocess.Process, port: int) -> None:
        self.revision = revision
        self.process = process
        self.port = port
        self.since = time.monotonic()
        self._connections = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self) -> None:
        self._connections += 1
        self._idle.clear()

    def __exit__(self, *_: object) -> None:
        self._connections -= 1
        if self._connections == 0:
            self._idle.set()

    async def is_healthy(self) -> bool:
        """Whether it answers 200 at `/healthz` in time."""
        try:
            async with httpx.AsyncClient(timeout=_HEALTH_TIMEOUT, trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{self.port}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def end(self) -> None:
        """Once its connections have ended, or the patience has."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._idle.wait()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


class Host:
    """One deployment."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._serving: Runner | None = None
        self._failed: dict[int, str] = {}
        self._wanted: int | None = None
        self._restarts = 0
        self._pause = _FIRST_PAUSE
        self._next_start = 0.0
        self._next_look = 0.0
        self._sick = 0
        self._stopping = asyncio.Event()
        self._ends: set[asyncio.Task[None]] = set()
        self._outputs: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until no revision is wanted, or it gets a signal to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._place.port)
        # Places lie two folders below the profiles: CONFIG/hosting/NAME.
        config = self._place.folder.parents[1]
        pulse = asyncio.create_task(Pulse(self._place, config, self._is_serving, _log_line).run(), name="heartbeats")
        try:
            while not self._stopping.is_set() and (wanted := self._place.wanted()) is not None:
                await self._keep(wanted)
                self._say()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._stopping.wait()
        finally:
            server.close()
            pulse.cancel()
            if self._serving is not None:
                await self._serving.end()
            await asyncio.gather(*self._ends, return_exceptions=True)
            # A process that a runner started and left behind may hold its output open for ever.
            for output in self._outputs:
                output.cancel()
            self._serving = None
            self._say()

    def _is_serving(self) -> bool:
        """Whether calls are answered now: a runner lives, and its last health check did not fail."""
        serving = self._serving
        return serving is not None and serving.process.returncode is None and not self._sick

    async def _keep(self, wanted: int) -> None:
        if wanted != self._wanted:
            # A new request: revisions that failed before may be tried again.
            self._wanted = wanted
            self._failed.pop(wanted, None)
        serving = self._serving
        if serving is not None and serving.process.returncode is not None:
            self._lost(f"Revision {serving.revision.number} ended with exit code {serving.process.returncode}.")
            serving = None
        if serving is not None and time.monotonic() >= self._next_look:
            await self._look_after(serving)
        if self._serving is None or (self._serving.revision.number != wanted and wanted not in self._failed):
            await self._change_to(wanted)

    async def _look_after(self, serving: Runner) -> None:
        self._next_look = time.monotonic() + _HEALTH_SECONDS
        if await serving.is_healthy():
            self._sick = 0
            if time.monotonic() - serving.since > _WELL_SECONDS:
                self._pause = _FIRST_PAUSE
            return
        self._sick += 1
        if self._sick >= _SICK_MOST:
            with contextlib.suppress(ProcessLookupError):
                serving.process.kill()
            await serving.process.wait()
            self._lost(f"Revision {serving.revision.number} did not answer {_SICK_MOST} times and was ended.")

    def _lost(self, why: str) -> None:
        assert self._serving is not None
        self._failed[-1] = why
        self._serving = None
        self._sick = 0
        self._restarts += 1
        self._next_start = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _change_to(self, wanted: int) -> None:
        """Start it; it takes the calls once it is healthy, and only then is the previous one stopped."""
        if self._serving is None and time.monotonic() < self._next_start:
            return
        runner = await self._start(wanted)
        if runner is None:
            if self._serving is None:
                self._next_start = time.monotonic() + self._pause
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            return
        before, self._serving = self._serving, runner
        self._failed.pop(wanted, None)
        self._sick = 0
        if before is not None:
            _go_on(before.end(), self._ends)

    async def _start(self, number: int) -> Runner | None:
        revision = self._place.revision(number)
        folder = self._place.of(number)
        command = [sys.executable, "-m", "mercato_cli.runner", "serve", "--project", str(folder / "project")]
        command += ["--host", "127.0.0.1", "--port", "0"]
        command += ["--artifact", str(folder / revision.artifact)] if revision.artifact else []
        log = os.open(self._place.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")},
                preexec_fn=_bounds_of(revision),
            )
        finally:
            os.close(log)
        try:
            async with asyncio.timeout(_START_SECONDS):
                port = await _address_of(process)
                runner = Runner(revision, process, port)
                await _until_healthy(runner)
        except (TimeoutError, ValueError, KeyError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            code = await process.wait()
            words = _last_words(self._place.folder / "log")
            self._failed[number] = f"Revision {number} did not become healthy (exit code {code}): {words}"
            return None
        self._next_look = time.monotonic() + _HEALTH_SECONDS
        _go_on(_keep_output(process, self._place.folder / "log"), self._outputs)
        return runner

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        runner = self._serving
        try:
            if runner is None:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                await writer.drain()
                return
            with runner:
                theirs, ours = await asyncio.open_connection("127.0.0.1", runner.port)
                try:
                    await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))
                finally:
                    ours.close()
        except OSError:
            pass  # one side went away; the other notices when its connection ends
        finally:
            writer.close()

    def _say(self) -> None:
        serving = self._serving
        self._place.say(
            pid=os.getpid(),
            serving=None if serving is None else serving.revision.number,
            runner=None if serving is None else serving.process.pid,
            restarts=self._restarts,
            failed={str(number): why for number, why in self._failed.items()},
        )


def _log_line(text: str) -> None:
    # Our standard error is the place's log.
    print(text, file=sys.stderr, flush=True)


def _go_on(work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)


async def _until_healthy(runner: Runner) -> None:
    """Raises `TimeoutError`; the caller may give up earlier."""
    for _ in range(int(_START_SECONDS / _TICK_SECONDS)):
        if await runner.is_healthy():
            return
        await asyncio.sleep(_TICK_SECONDS)
    raise TimeoutError


async def _keep_output(process: asyncio.subprocess.Process, log: Path) -> None:
    """Copy the runner's output to the log: a pipe that nobody reads would block it."""
    assert process.stdout is not None
    with log.open("ab", buffering=0) as file:
        while piece := await process.stdout.read(_PIECE):
            await asyncio.to_thread(file.write, piece)


def _last_words(log: Path) -> str:
    """The last line that the runner wrote, which says why it did not start."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1].removeprefix("runner: ")
    return "it wrote nothing."


async def _address_of(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    return int(str(ready["address"]).rpartition(":")[2])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _bounds_of(revision: Revision) -> Callable[[], None]:
    """Runs between fork and exec."""

    def confine() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if revision.memory_mib:
            resource.setrlimit(resource.RLIMIT_DATA, (revision.memory_mib * _MIB, revision.memory_mib * _MIB))
        if revision.cpus:
            own = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, own[: revision.cpus])

    return confine


def main() -> None:
    """Host FOLDER. LOCK is the folder's, an inherited descriptor that is open as long as the host lives."""
    place = Place(Path(sys.argv[1]))
    os.set_inheritable(int(sys.argv[2]), False)
    asyncio.run(Host(place).run())


if __name__ == "__main__":
    main()
