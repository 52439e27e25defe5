"""The fake of RunPod bears what tests do to its clients."""

import json
import socket
import struct
import threading
import time
import urllib.request

import pytest

from tests.fakes.runpod import fake_runpod
from tests.fakes.runpod_cloud import WORKER_KEY, FakeRunPod


def _ask_and_vanish(cloud: FakeRunPod, operation: str) -> None:
    """A worker asks, and is gone with a reset before it is answered, as one that is killed."""
    host, _, port = cloud.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        path = f"/v2/{cloud.queue_endpoint}/{operation}/w1"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {WORKER_KEY}\r\n\r\n".encode())


@pytest.mark.parametrize("operation", ["job-take", "job-stop", "ping"])
def test_a_worker_that_vanishes_while_it_waits_is_no_error(capfd: pytest.CaptureFixture[str], operation: str) -> None:
    with fake_runpod() as cloud:
        threads = threading.active_count()
        for _ in range(5):
            _ask_and_vanish(cloud, operation)
        deadline = time.monotonic() + 60
        while threading.active_count() > threads and time.monotonic() < deadline:
            time.sleep(0.05)
        request = urllib.request.Request(
            f"{cloud.url}/v2/{cloud.queue_endpoint}/ping/w2", headers={"Authorization": f"Bearer {WORKER_KEY}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.loads(answer.read()) == {}
    assert capfd.readouterr().err == ""


def test_an_error_of_the_fake_itself_is_still_told(capfd: pytest.CaptureFixture[str]) -> None:
    with fake_runpod() as cloud, pytest.raises(OSError, match=r"closed connection|reset"):
        cloud.answers["health"] = [(200, {}, object())]
        request = urllib.request.Request(
            f"{cloud.url}/v2/{cloud.queue_endpoint}/health",
            headers={"Authorization": "Bearer rpa_FAKE0000000000000000000000000000"},
        )
        urllib.request.urlopen(request, timeout=60)
    assert "TypeError" in capfd.readouterr().err
