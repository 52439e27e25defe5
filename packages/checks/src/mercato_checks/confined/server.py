"""Forks a process for each task. Started by `pool.py` as `python -m mercato_checks.confined.server FD`.

It reads nothing of the tasks itself and runs no thread, so forking is safe and nothing that a vendor sends can stop it.
"""

import os
import select
import signal
import socket
import sys

from mercato_checks.confined.child import run_task
from mercato_checks.confined.tasks import CHECKS, warm_up
from mercato_checks.confined.wire import KILLED, frame


def serve(control: socket.socket) -> None:
    """Until the other end of `control` is closed. Each message brings the socket of one task."""
    tasks: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    for each in (woken, wake):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _reap(tasks)
        if control in ready:
            message, fds, _, _ = socket.recv_fds(control, 16, 1)
            if not message:
                break
            if fds:
                _fork(tasks, socket.socket(fileno=fds[0]), [control, woken, wake])
    for pid in tasks:
        os.kill(pid, signal.SIGKILL)


def _fork(tasks: dict[int, socket.socket], task: socket.socket, own: list[socket.socket]) -> None:
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        # Without a process there is no result; the pool sees its socket closed.
        task.close()
        return
    if pid:
        tasks[pid] = task
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for each in [*own, *tasks.values()]:
        each.close()
    run_task(task, server, CHECKS)


def _reap(tasks: dict[int, socket.socket]) -> None:
    while tasks:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with tasks.pop(pid) as task:
            if os.WIFSIGNALED(status):
                _tell(task, os.WTERMSIG(status))


def _tell(task: socket.socket, signal_number: int) -> None:
    try:
        task.send(frame(KILLED, bytes([signal_number])), socket.MSG_DONTWAIT)
    except OSError:
        return  # the caller has gone


def main() -> None:
    # Ctrl-C in a terminal reaches the whole group; this process ends when its owner does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warm_up()
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
