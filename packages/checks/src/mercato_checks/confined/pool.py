"""The caller's side: sends tasks to the server, waits for results, decides the order."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from mercato_checks.confined.limits import LIVE, QUICK, THOROUGH, CheckStopped, Limits, Stopped
from mercato_checks.confined.wire import HEAD, KILLED, NO_MEMORY, RAISED, RESULT, TASK, frame, pack, unpack

P = ParamSpec("P")
T = TypeVar("T")

_QUICK_AT_ONCE, _QUICK_OF_ONE_OWNER = 4, 2
_LIVE_AT_ONCE, _LIVE_OF_ONE_OWNER = 32, 8
_GRACE_SECONDS = 30.0
"""A process ends itself at its limit; the pool waits this many seconds longer."""

_REASONS: dict[int, Stopped] = {signal.SIGXCPU: "cpu", signal.SIGALRM: "deadline"}


class ConfinedChecks:
    """Runs checks in separate processes. Close it, or use it as an async context; it can be used again afterwards."""

    def __init__(self, *, quick: Limits = QUICK, thorough: Limits = THOROUGH, live: Limits = LIVE) -> None:
        self._quick, self._thorough, self._live = quick, thorough, live
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._quick_turns = asyncio.Semaphore(_QUICK_AT_ONCE)
        self._thorough_turn = asyncio.Semaphore(1)
        self._live_turns = asyncio.Semaphore(_LIVE_AT_ONCE)
        self._owners: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    async def __aenter__(self) -> "ConfinedChecks":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, check: Callable[P, T], owner: str, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a check of text, which must be one of `tasks.py`. Raises `CheckStopped`.

        A check that exceeds the quick limits is retried with larger ones, one at a time, so heavy texts delay only
        heavy texts, and an owner's texts delay that owner's first.
        """
        async with self._turn_of("text", owner, _QUICK_OF_ONE_OWNER):
            try:
                async with self._quick_turns:
                    return await self._run(check, self._quick, args)
            except CheckStopped as stopped:
                if stopped.reason not in ("cpu", "deadline"):
                    raise
            async with self._thorough_turn:
                return await self._run(check, self._thorough, args)

    async def run_live(self, check: Callable[P, T], owner: str, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a check that calls an endpoint. Raises `CheckStopped`."""
        async with self._turn_of("live", owner, _LIVE_OF_ONE_OWNER), self._live_turns:
            return await self._run(check, self._live, args)

    async def close(self) -> None:
        """End the server and every process of it."""
        server, control = self._server, self._control
        self._server = self._control = None
        if control is not None:
            control.close()
        if server is not None:
            await asyncio.to_thread(server.wait)

    def _turn_of(self, lane: str, owner: str, most: int) -> asyncio.Semaphore:
        turn = self._owners.get((lane, owner))
        if turn is None:
            turn = self._owners[lane, owner] = asyncio.Semaphore(most)
        return turn

    async def _run(self, check: Callable[..., T], limits: Limits, arguments: tuple[Any, ...]) -> T:
        task = frame(TASK, pack((check.__qualname__, limits, arguments)))
        reader, writer = await self._open()
        try:
            async with asyncio.timeout(limits.wall_seconds + _GRACE_SECONDS):
                writer.write(task)
                result: T = await _result(reader)
                return result
        except TimeoutError:
            raise CheckStopped("deadline", f"no result after {limits.wall_seconds:g} s") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            raise CheckStopped("crash", "its process ended without a result") from None
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a process that was forked for it."""
        own, given = socket.socketpair()
        try:
            async with self._starting:
                await self._send(given)
        except BaseException:
            own.close()
            raise
        finally:
            given.close()
        return await asyncio.open_connection(sock=own)

    async def _send(self, given: socket.socket) -> None:
        for _ in range(2):
            if self._control is None:
                own, self._server = await asyncio.to_thread(_start_server)
                self._control = own
            try:
                socket.send_fds(self._control, [b"task"], [given.fileno()])
                return
            except OSError:
                # The server is gone: start another one.
                await self.close()
        raise CheckStopped("crash", "the server of checks does not start")


async def _result(reader: asyncio.StreamReader) -> Any:
    status, size = HEAD.unpack(await reader.readexactly(HEAD.size))
    content = await reader.readexactly(size)
    if status == RESULT:
        return unpack(content)
    if status == NO_MEMORY:
        raise CheckStopped("memory", "it needed more memory than allowed")
    if status == RAISED:
        raise CheckStopped("crash", content.decode("utf-8", "replace"))
    assert status == KILLED
    number = content[0]
    raise CheckStopped(_REASONS.get(number, "crash"), f"ended by {signal.Signals(number).name}")


def _start_server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    own, given = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        server = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-I", "-m", "mercato_checks.confined.server", str(given.fileno())],
            pass_fds=[given.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # None of the marketplace's secrets are in the environment of a process that reads foreign text.
            env={name: os.environ[name] for name in ("PATH", "LANG", "TZ", "SSL_CERT_FILE") if name in os.environ},
            start_new_session=True,
        )
    except BaseException:
        own.close()
        raise
    finally:
        given.close()
    return own, server
