"""What the kernel says of processes."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that any thread of this one started and has not waited for."""
    lists = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for each in lists for child in each.split()]


def server_of_checks(pid: int) -> int:
    """The process that forks the checks of `pid`."""
    for child in children(pid):
        if b"mercato_checks.confined.server" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise AssertionError(f"no server of checks runs for {pid}")
