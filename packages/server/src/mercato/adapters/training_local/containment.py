"""What a run of a vendor's code may touch: Landlock for files, seccomp for sockets, limits for the rest. Linux only.

Landlock (landlock(7)): it reads what a Python needs and its own folder, writes its own folder alone. Seccomp
(seccomp(2)): it opens no socket, so it reaches neither a network nor a server of this machine, such as the database.
No memory of other processes can be read and no process outside be signalled. All of it runs between fork and exec.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SIGKILL = 9
_PR_CAPBSET_DROP, _CAPABILITIES = 24, 64
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_ABI_OF_SCOPES = 6
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_SCOPES = 0b11  # abstract Unix sockets, signals
_SYSCALLS = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}
"""The audit architecture, and the numbers of socket(2) and io_uring_setup(2)."""
_X32 = 0x40000000
_EACCES = 13
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys/devices/system", "/opt")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the kernel holds a process to: bytes of private memory, of one file; seconds of CPU."""

    memory_bytes: int
    file_bytes: int
    cpu_seconds: int


def is_complete() -> bool:
    """Whether this machine can contain a run: files, sockets and signals."""
    abi = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE, None, 0, 1)
    return bool(abi >= _LANDLOCK_ABI_OF_SCOPES and platform.machine() in _SYSCALLS and sys.platform == "linux")


def confine(bounds: Bounds, readable: Sequence[Path], writable: Sequence[Path], *, sockets: bool) -> None:
    """Confine this process and all that it will start, for good. It dies with its parent."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0))
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    # A worker that runs as root: what it starts is root without root's powers, which are lost at the next exec.
    for capability in range(_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (bounds.memory_bytes, bounds.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bounds.file_bytes, bounds.file_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_seconds, bounds.cpu_seconds + 5))
    if is_complete():
        _landlock(libc, readable, writable)
        if not sockets:
            _no_sockets(libc)


def _landlock(libc: ctypes.CDLL, readable: Sequence[Path], writable: Sequence[Path]) -> None:
    everything = (1 << 16) - 1
    attributes = struct.pack("QQQ", everything, 0, _SCOPES)
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    _check(rules)
    read = _EXECUTE | _READ_FILE | _READ_DIR
    for path in (*map(Path, _SYSTEM), *readable):
        _allow(libc, rules, path, read)
    for path in map(Path, _DEVICES):
        _allow(libc, rules, path, _READ_FILE | _WRITE_FILE)
    for path in writable:
        _allow(libc, rules, path, everything & ~_IOCTL)
    _check(libc.syscall(_LANDLOCK_RESTRICT, rules, 0))
    os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not path.is_dir():
        access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
    # `struct landlock_path_beneath_attr` is packed: 8 bytes of access, 4 of descriptor.
    _check(libc.syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", access, descriptor), 0))
    os.close(descriptor)


def _no_sockets(libc: ctypes.CDLL) -> None:
    audit, socket_number, io_uring = _SYSCALLS[platform.machine()]
    refuse = 0x00050000 | _EACCES
    # Load the architecture; another one is killed. Load the number; x32, socket and io_uring are refused.
    filter_ = [
        (0x20, 0, 0, 4),
        (0x15, 1, 0, audit),
        (0x06, 0, 0, 0x80000000),
        (0x20, 0, 0, 0),
        (0x35, 3, 0, _X32),
        (0x15, 2, 0, socket_number),
        (0x15, 1, 0, io_uring),
        (0x06, 0, 0, 0x7FFF0000),
        (0x06, 0, 0, refuse),
    ]
    packed = b"".join(struct.pack("HBBI", *step) for step in filter_)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(filter_), ctypes.addressof(buffer)))
    _check(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "the run cannot be contained")
