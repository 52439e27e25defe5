"""What this process uses of the machine, under the names that Prometheus' own clients give."""

import os
import resource
import time
from contextlib import suppress

_STARTED = time.time()
_PAGE = os.sysconf("SC_PAGE_SIZE")


def render_process() -> list[str]:
    """Lines of the text format; what the kernel does not tell is left out."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    lines = _lines("process_cpu_seconds_total", "counter", "User and system CPU time", usage.ru_utime + usage.ru_stime)
    lines += _lines("process_start_time_seconds", "gauge", "When the process started", round(_STARTED, 2))
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/statm", "rb") as statm:
            pages = int(statm.read().split()[1])
        lines += _lines("process_resident_memory_bytes", "gauge", "Resident memory", pages * _PAGE)
    with suppress(OSError):
        lines += _lines("process_open_fds", "gauge", "Open files", len(os.listdir("/proc/self/fd")))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return lines + _lines("process_max_fds", "gauge", "The most open files", most)


def _lines(name: str, kind: str, text: str, value: float) -> list[str]:
    return [f"# HELP {name} {text}.", f"# TYPE {name} {kind}", f"{name} {value}"]
