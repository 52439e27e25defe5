"""Calls at a steady rate over many connections (open loop): a call is due whether or not others were answered, and is
timed from when it was due, so that a pause counts for every call that fell into it (coordinated omission).

`python -m bench.gateway_paced '{"port", "rate", "seconds", "headers", "body"}'` prints percentiles in microseconds. One
thread sleeps until a call is due and sends it on a free connection; the other reads answers.
"""

import json
import select
import socket
import sys
import threading
import time
from collections import deque
from typing import Any

CONNECTIONS = 64
_WARM_SECONDS = 0.5


class Client:
    """Sends what is due, notes what it took. A call without a free connection waits for one, and its time runs."""

    def __init__(self, port: int, request: bytes) -> None:
        self._request = request
        self._poll = select.epoll()
        self._sockets = {}
        for _ in range(CONNECTIONS):
            one = socket.create_connection(("127.0.0.1", port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[one.fileno()] = one
            self._poll.register(one, select.EPOLLIN)
        self._free = deque(self._sockets)
        self._due: deque[float] = deque()
        self._sent: dict[int, float] = {}
        self._got: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self.latencies: list[tuple[float, float]] = []
        self.errors = 0
        self.late: list[float] = []

    def run(self, rate: int, seconds: float) -> None:
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        began = time.perf_counter() + 0.01
        for number in range(int(rate * seconds)):
            due = began + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            self.late.append(time.perf_counter() - due)
            with self._lock:
                self._due.append(due)
                self._send()
        give_up = time.perf_counter() + 10
        while (self._due or self._sent) and time.perf_counter() < give_up:
            time.sleep(0.01)
        now = time.perf_counter()
        with self._lock:  # what was not answered has taken at least this long
            self.latencies += [(due, now - due) for due in (*self._due, *self._sent.values())]

    def _send(self) -> None:
        while self._due and self._free:
            number = self._free.popleft()
            self._sent[number] = self._due.popleft()
            self._sockets[number].sendall(self._request)

    def _read(self) -> None:
        while True:
            for number, _ in self._poll.poll():
                data = self._got.pop(number, b"") + self._sockets[number].recv(65_536)
                if not _whole(data):
                    self._got[number] = data
                    continue
                now = time.perf_counter()
                with self._lock:
                    due = self._sent.pop(number)
                    self.latencies.append((due, now - due))
                    self.errors += not data.startswith(b"HTTP/1.1 200")
                    self._free.append(number)
                    self._send()


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place >= 0:
        return len(body) >= int(lower[place + 15 :].split(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")


def main() -> None:
    task: dict[str, Any] = json.loads(sys.argv[1])
    headers = "".join(f"{name}: {value}\r\n" for name, value in task["headers"].items())
    body = task["body"].encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{headers}"
    client = Client(task["port"], f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    sys.setswitchinterval(0.0002)
    client.run(task["rate"], task["seconds"] + _WARM_SECONDS)
    first = min(due for due, _ in client.latencies) + _WARM_SECONDS
    taken = sorted(latency * 1e6 for due, latency in client.latencies if due >= first)
    result = {f"p{name}": taken[min(len(taken) - 1, int(len(taken) * share))] for name, share in
              (("50", 0.5), ("90", 0.9), ("99", 0.99), ("999", 0.999))}  # fmt: skip
    late = sorted(client.late)
    print(json.dumps({**result, "max": taken[-1], "calls": len(taken), "errors": client.errors,
                      "sender_late_p99": late[int(len(late) * 0.99)] * 1e6}))  # fmt: skip


if __name__ == "__main__":
    main()
