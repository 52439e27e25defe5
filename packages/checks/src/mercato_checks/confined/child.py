"""The process of one check: limits itself, reads its task, answers, ends."""

import ctypes
import os
import resource
import signal
import socket
import traceback
from collections.abc import Callable
from typing import Any

from mercato_checks.confined.limits import Limits
from mercato_checks.confined.wire import HEAD, NO_MEMORY, RAISED, RESULT, frame, pack, unpack

_PR_SET_PDEATHSIG = 1
_MOST_FILES = 64


def run_task(sock: socket.socket, parent: int, checks: dict[str, Callable[..., Any]]) -> None:
    """Answer the one task that `sock` brings, then end this process; `parent` is the process that forked it."""
    try:
        _die_with(parent)
        name, limits, arguments = unpack(_receive(sock))
        _confine(limits)
        sock.sendall(_answer(checks[name], arguments))
    finally:
        # The server's clean-up must not run in this process.
        os._exit(0)


def _answer(check: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return frame(RESULT, pack(check(*arguments)))
    except MemoryError:
        return frame(NO_MEMORY, b"")
    except BaseException as error:
        # Only places and types: an exception's message may quote the text.
        places = [f"{os.path.basename(at.filename)}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)]
        return frame(RAISED, f"{type(error).__name__} at {' '.join(places[-8:])}".encode())


def _receive(sock: socket.socket) -> bytes:
    _, size = HEAD.unpack(_exactly(sock, HEAD.size))
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = sock.recv(min(1 << 20, size - len(received)))
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)


def _die_with(parent: int) -> None:
    """End when the server ends, also by SIGKILL."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _confine(limits: Limits) -> None:
    """Limits on processor time (SIGXCPU), on duration (SIGALRM), on memory; no file is written, no dump left."""
    with open("/proc/self/oom_score_adj", "w") as file:
        # If the machine runs out of memory all the same, the kernel kills this process first.
        file.write("1000")
    os.nice(limits.nice)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)
    for kind, most in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _MOST_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # One second above, the kernel kills a process that survives SIGXCPU.
        resource.setrlimit(kind, (soft, soft + 1 if kind == resource.RLIMIT_CPU and hard != soft else hard))
