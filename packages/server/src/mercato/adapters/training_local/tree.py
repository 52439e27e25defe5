"""All processes that a process began, however they hid: counted, weighed, killed as a whole."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Weight:
    """How many processes and threads there are, and how many bytes of memory they hold."""

    tasks: int
    memory_bytes: int


def descendants(of: int) -> list[int]:
    """The living processes below `of`. A subreaper keeps all of its own, also those that their parents left."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            parent = _living_parent_of(int(entry.name))
            if parent is not None:
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [of]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def weigh(pids: list[int]) -> Weight:
    """What these hold now."""
    tasks = memory = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
            memory += (int(resident) - int(shared)) * _PAGE
            tasks += len(os.listdir(f"/proc/{pid}/task"))
    return Weight(tasks, memory)


def kill_tree(of: int, group: int) -> None:
    """Kill the process group `group`, and then whatever is left below `of`: stopped first, so that nobody forks on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        left = descendants(of)
        if not left:
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)


def reap(parent: int, but: int) -> None:
    """Collect the dead that were left to `parent` but not `but`, whose exit code is waited for."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != but and _state_of(int(entry.name)) == ("Z", parent):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(entry.name), os.WNOHANG)


def _living_parent_of(pid: int) -> int | None:
    state = _state_of(pid)
    return None if state is None or state[0] in "ZX" else state[1]


def _state_of(pid: int) -> tuple[str, int] | None:
    """The state's letter and the parent, as proc(5) tells them."""
    try:
        # The name in parentheses may hold anything; what counts follows the last of them.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    except (OSError, ValueError, IndexError):
        return None
