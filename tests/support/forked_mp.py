"""`mp` for tests: one server holds what the command imports and forks a process for each call.

Each call is a process as `mp` is, with its own words, environment, folder, standard streams and exit code; only the
imports, half a second of CPU, are not made again. What a process reads of its environment before its first line (the
names in `_READ_AT_START`) needs a real start, and gets one.
"""

import array
import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.waiting import SECONDS

_BIN = Path(sys.executable).parent
_ROOT = Path(__file__).parents[2]
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
_LONGEST = 200_000
"""Bytes of a request; what the kernel takes in one message."""


def run_mp(words: Sequence[str], environment: Mapping[str, str], folder: Path, stdin: str, *, real: bool) -> (
    "subprocess.CompletedProcess[str]"
):  # fmt: skip
    """`mp …` to its end. `real` starts a new interpreter."""
    if real:
        return subprocess.run(
            [_BIN / "mp", *words], env=environment, cwd=folder, input=stdin, capture_output=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        code = _server().call(words, environment, folder, (given.fileno(), out.fileno(), err.fileno()))
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
    return subprocess.CompletedProcess(["mp", *words], code, *texts)


def needs_start(given: Mapping[str, str]) -> bool:
    """Whether these variables decide something before a program's first line."""
    return any(name.startswith(_READ_AT_START) for name in given)


class _Server:
    """The process that forks. It ends with the tests' process, whose end of the socket it reads from."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_mp", str(theirs.fileno())],
            env=inherited, cwd=_ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip
        theirs.close()

    def call(
        self, words: Sequence[str], environment: Mapping[str, str], folder: Path, streams: tuple[int, int, int]
    ) -> int:
        """The exit code; negative is the signal that ended it."""
        mine, theirs = socket.socketpair()
        with mine:
            with theirs:
                asked = json.dumps([list(words), dict(environment), str(folder)]).encode()
                assert len(asked) < _LONGEST, "the request is too long: ask for a real start"
                ours = array.array("i", [*streams, theirs.fileno()])
                self._socket.sendmsg([asked], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ours)])
            mine.settimeout(SECONDS)
            answer = mine.recv(64)
        assert answer, "the server of `mp` ended in the middle of a call"
        return int(answer)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(SECONDS)


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


def _serve(descriptor: int) -> None:
    """Until the other end is closed. Returns in each forked process, which then is `mp`."""
    requests = socket.socket(fileno=descriptor)
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, given, _, _ = requests.recvmsg(_LONGEST, socket.CMSG_SPACE(4 * array.array("i").itemsize))
        if not asked:
            os._exit(0)
        descriptors = array.array("i")
        descriptors.frombytes(given[0][2])
        if os.fork() == 0:
            requests.close()
            _hold(descriptors.pop())
            words, environment, folder = json.loads(asked)
            _become(words, environment, folder, descriptors)
            return
        for number in descriptors:
            os.close(number)


def _hold(reply: int) -> None:
    """Stays behind to say how the process that it forks ended; returns in that one."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(reply)
        return
    _, status = os.waitpid(child, 0)
    os.write(reply, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(words: list[str], environment: dict[str, str], folder: str, streams: "array.array[int]") -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["mp", *words]


def _import_all() -> None:
    """Everything a command can import of ours, and what that imports; here all validators are built once."""
    for name in ("mercato_cli.run", "mercato_cli.main", "mercato_cli.client"):
        importlib.import_module(name)
    commands = importlib.import_module("mercato_cli.commands")
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"mercato_cli.commands.{module.name}")
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    # As the installed command does: Ctrl-C is handled before anything else is imported.
    from mercato_cli.entry import main

    _serve(int(sys.argv[1]))
    main()
