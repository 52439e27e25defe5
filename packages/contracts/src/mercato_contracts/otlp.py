"""Finished spans to a collector, by OTLP over HTTP in JSON, from a thread of its own.

Whoever adds a span never waits. A collector that is slow or away costs memory up to a bound, then the oldest spans.
"""

import http.client
import json
import os
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from mercato_contracts.tracing import Attributes, encode_attributes

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_MOST_WAITING = 4096
_BATCH = 512
_GATHERS_SECONDS = 1.0
_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_LATER = (429, 502, 503, 504)
"""The answers after which the same spans are sent again (OTLP 1.9, "Retryable Response Codes")."""
_MOST_ANSWER = 64 * 1024

Tell = Callable[[str, str], None]
"""Hears an event and its reason, from the thread."""


class CollectorRefused(Exception):
    """The collector takes no such spans; sending them again cannot help."""


class CollectorAway(Exception):
    """The collector cannot be reached, or takes nothing for now."""


def check_collector_url(url: str) -> str:
    """The same address. Raises `ValueError` where it is none: `http[s]://host[:port][/path]`, without credentials."""
    if not _URL.fullmatch(url):
        raise ValueError(
            "the collector's address is http[s]://host[:port][/path] without user and password: a collector beside "
            "this process holds those"
        )
    return url


class OtlpWriter:
    """Spans of one process. `exported` and `dropped` count them.

    `url` is the collector's base address, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it: `/v1/traces` is added.
    """

    def __init__(self, url: str, service: str, version: str, tell: Tell) -> None:
        self._collector = _Collector(url)
        self._tell = tell
        self._waiting: deque[bytes] = deque()
        self._came, self._stops = threading.Event(), threading.Event()
        self._is_away = False
        self.exported = self.dropped = 0
        resource: Attributes = {
            "service.name": service,
            "service.namespace": "mercato",
            "service.version": version,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
        about = json.dumps({"attributes": encode_attributes(resource)}, separators=(",", ":")).encode()
        self._start = b'{"resourceSpans":[{"resource":%b,"scopeSpans":[{"scope":{"name":"mercato"},"spans":[' % about
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def add(self, span: bytes) -> None:
        """Takes over an encoded span; beyond 4,096 that wait, the oldest is dropped."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(span)
        if not self._came.is_set():
            self._came.set()

    def close(self, seconds: float = 2.0) -> None:
        """Sends what waits, for so long at most, and stops."""
        self._stops.set()
        self._came.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            self._came.wait()
            self._came.clear()
            self._stops.wait(_GATHERS_SECONDS)  # more may follow
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                if self._send(batch):
                    pause = _FIRST_PAUSE_SECONDS
                    continue
                self._put_back(batch)
                if self._stops.wait(pause):
                    break
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if self._stops.is_set():
                return

    def _put_back(self, batch: list[bytes]) -> None:
        room = max(0, _MOST_WAITING - len(self._waiting))
        kept = batch[len(batch) - min(room, len(batch)) :]
        self.dropped += len(batch) - len(kept)
        self._waiting.extendleft(reversed(kept))

    def _send(self, batch: list[bytes]) -> bool:
        """Whether the collector has answered for good."""
        try:
            rejected, reason = self._post(self._start + b",".join(batch) + b"]}]}]}")
        except CollectorAway as error:
            if not self._is_away:
                self._tell("collector_away", str(error))
            self._is_away = True
            return False
        except CollectorRefused as error:
            self._tell("spans_refused", str(error))
            self.dropped += len(batch)
            return True
        if rejected:
            self._tell("spans_refused", reason)
        if self._is_away:
            self._tell("collector_back", "")
        self._is_away = False
        self.exported += len(batch) - rejected
        self.dropped += rejected
        return True

    def _post(self, body: bytes) -> tuple[int, str]:
        answer = self._collector.post(body)
        try:
            partial = json.loads(answer or b"{}").get("partialSuccess") or {}
            return int(partial.get("rejectedSpans", 0)), str(partial.get("errorMessage", ""))[:200]
        except (ValueError, AttributeError):
            return 0, ""


class _Collector:
    """Where spans go. Raises `ValueError` for an address that is none."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(check_collector_url(url))
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname or "", parts.port
        self._path = parts.path.rstrip("/") + "/v1/traces"

    def post(self, body: bytes) -> bytes:
        """The collector's answer. Raises `CollectorAway` or `CollectorRefused`."""
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=ssl.create_default_context())
            if self._secure
            else http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        )
        try:
            connection.request("POST", self._path, body, {"content-type": "application/json", "user-agent": "mercato"})
            answer = connection.getresponse()
            status, content = answer.status, answer.read(_MOST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise CollectorAway(f"{type(error).__name__}: {error}"[:200]) from None
        finally:
            connection.close()
        if status in _LATER:
            raise CollectorAway(f"{self._path} answered {status}")
        if not 200 <= status < 300:
            raise CollectorRefused(f"{self._path} answered {status}")
        return content


def try_collector(url: str) -> None:
    """Sends an empty batch. Raises `ValueError`, `CollectorAway` or `CollectorRefused` with what is wrong."""
    _Collector(url).post(b'{"resourceSpans":[]}')
