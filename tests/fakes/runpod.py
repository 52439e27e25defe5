"""RunPod as far as Mercato uses it: serverless queues with their workers, and REST v2, over HTTP.

What it does follows RunPod's documentation (github.com/runpod/docs at a900806) and, for what a worker asks and posts,
the SDK itself (PyPI `runpod` 1.12: rp_job.py, rp_http.py, rp_progress.py, rp_ping.py, rp_scale.py). Its traps are kept:
a progress that arrives after the answer takes the job back to IN_PROGRESS (runpod-python, issue 250), a job past its
`ttl` is answered 404 whatever its state, REST v2 refuses unknown fields with 422.

A test says what goes wrong: `answers`, `workers`, `hold`.
"""

import json
import socket
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.runpod_cloud import LONG_POLL_SECONDS, WORKER_KEY, FakeJob, FakeRunPod

API_KEY = "rpa_FAKE0000000000000000000000000000"
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")
_CONTAINER = {"args", "disk", "env", "image", "ports", "registry"}
_TEMPLATE = _CONTAINER | {"name", "allowedCudaVersions", "category", "mounts", "public", "serverless", "startSsh",
                          "startJupyter", "readme"}  # fmt: skip
_ENDPOINT = _CONTAINER | {"name", "type", "gpu", "cpu", "workers", "scaling", "dataCenterIds", "networkVolumes",
                          "timeout", "flashboot", "templateId"}  # fmt: skip


@contextmanager
def fake_runpod() -> Iterator[FakeRunPod]:
    """A server on a free port of this machine."""
    cloud = FakeRunPod()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"cloud": cloud}))
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    cloud: FakeRunPod
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def handle_one_request(self) -> None:
        """One request; who is killed while it asks or waits takes its connection with it, which is no error of ours."""
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        parts = path.strip("/").split("/")
        if parts[0] == "lb" and len(parts) >= 2:
            self._balance(parts[1], path.removeprefix(f"/lb/{parts[1]}"))
        elif parts[0] == "rest":
            self._rest(method, parts[2:], content)
        elif len(parts) >= 3 and parts[0] == "v2":
            self._queue(method, parts[1], parts[2], parts[3:], content)
        else:
            self._answer(404, {"error": "not found"})

    def _queue(self, method: str, endpoint: str, operation: str, rest: list[str], content: bytes) -> None:
        cloud = self.cloud
        worker = operation in ("job-take", "job-done", "job-stop", "ping")
        if self.headers.get("authorization", "").removeprefix("Bearer ") != (WORKER_KEY if worker else API_KEY):
            return self._answer(401, {"error": "unauthorized"})
        if endpoint != cloud.queue_endpoint:
            return self._answer(404, {"error": "endpoint not found"})
        if worker:
            return self._worker(operation, rest, content)
        cloud.asked.append((method, operation))
        if self._scripted(operation):
            return None
        with cloud.lock:
            cloud.settle()
            if (method, operation) == ("POST", "run"):
                return self._run(json.loads(content))
            if (method, operation) == ("GET", "health"):
                return self._answer(200, self._health())
            job = cloud.jobs.get(rest[0]) if rest else None
            if job is None:
                return self._answer(404, {"error": "job not found"})
            if (method, operation) == ("GET", "status"):
                return self._answer(200, job.view())
            if (method, operation) == ("POST", "cancel"):
                if job.status not in _ENDED:
                    job.status, job.ended, job.stopping = "CANCELLED", time.monotonic(), True
                    cloud.lock.notify_all()
                return self._answer(200, {"id": job.id, "status": job.status})
        return self._answer(405, {"error": "method not allowed"})

    def _run(self, body: Any) -> None:
        cloud = self.cloud
        cloud.bodies.append(body)
        if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
            return self._answer(400, {"error": "input is required"})
        policy = body.get("policy", {})
        if not 5_000 <= policy.get("executionTimeout", 5_000) <= 7 * 86_400_000:
            return self._answer(400, {"error": "executionTimeout must be between 5 seconds and 7 days"})
        if not 10_000 <= policy.get("ttl", 10_000) <= 7 * 86_400_000:
            return self._answer(400, {"error": "ttl must be between 10 seconds and 7 days"})
        job = FakeJob(f"{uuid.uuid4()}-u1", body["input"], policy)
        cloud.jobs[job.id] = job
        cloud.lock.notify_all()
        if cloud.on_run is not None:
            then, cloud.on_run = cloud.on_run, None
            then()
        if cloud.lost_answers:
            cloud.lost_answers -= 1
            self.close_connection = True
            return None
        return self._answer(200, {"id": job.id, "status": "IN_QUEUE"})

    def _worker(self, operation: str, rest: list[str], content: bytes) -> None:
        cloud = self.cloud
        if operation == "ping":
            return self._answer(200, {})
        if operation == "job-stop":
            with cloud.lock:
                cloud.settle()
                if not any(job.stopping for job in cloud.jobs.values()):
                    cloud.lock.wait(LONG_POLL_SECONDS)
                    cloud.settle()
                stopped = [job for job in cloud.jobs.values() if job.stopping and job.worker == rest[0]]
                for job in stopped:
                    job.stopping = False
            return self._answer(200, {"jobsToStop": [job.id for job in stopped]}) if stopped else self._answer(204)
        if operation == "job-take":
            taken = cloud.take(rest[0], self._listens)
            return self._answer(204) if taken is None else self._answer(200, taken)
        cloud.done(rest[1], json.loads(content))
        return self._answer(200, {})

    def _listens(self) -> bool:
        """Whether the other side of the connection is still there."""
        self.connection.setblocking(False)
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.connection.setblocking(True)

    def _health(self) -> dict[str, Any]:
        states = [job.status for job in self.cloud.jobs.values()]
        counts = self._summary()
        return {
            "jobs": {
                "completed": states.count("COMPLETED"),
                "failed": states.count("FAILED"),
                "inProgress": states.count("IN_PROGRESS"),
                "inQueue": states.count("IN_QUEUE"),
                "retried": 0,
            },
            "workers": {"idle": counts["idle"], "running": counts["running"]},
        }

    def _summary(self) -> dict[str, int]:
        states = [worker["status"].lower() for worker in self.cloud.workers]
        names = ("running", "idle", "initializing", "throttled", "unhealthy")
        return {name: states.count(name) for name in names} | {"total": len(states)}

    def _rest(self, method: str, parts: list[str], content: bytes) -> None:
        cloud = self.cloud
        if self.headers.get("authorization") != f"Bearer {API_KEY}":
            return self._problem(401, "Unauthorized", "missing bearer token")
        operation = "workers" if "workers" in parts else parts[0]
        cloud.asked.append((method, operation))
        if self._scripted(operation):
            return None
        body = json.loads(content) if content else {}
        if parts[0] == "templates":
            return self._templates(method, parts[1:], body)
        if parts[0] == "catalog" and parts[1] == "gpus":
            return self._answer(200, {"gpus": [_L4, _A10]})
        if parts[0] == "serverless" and len(parts) == 3 and parts[2] == "workers":
            return self._workers(parts[1])
        if parts[0] == "serverless" and len(parts) == 5 and parts[4] == "logs":
            return self._events()
        if parts[0] == "serverless":
            return self._serverless(method, parts[1:], body)
        return self._problem(404, "Not Found", "resource not found")

    def _workers(self, endpoint: str) -> None:
        """Of a queue what the test set; a load balancer has one once it was pinged, and replaces it at its leisure."""
        cloud = self.cloud
        found = cloud.endpoints.get(endpoint)
        if found is None and endpoint != cloud.queue_endpoint:
            return self._problem(404, "Not Found", "endpoint not found")
        version = 1 if found is None else found["version"]
        if found is not None:
            cloud.workers = []
            if "runs" in found:
                status = "IDLE" if found["runs"] in cloud.images else "UNHEALTHY"
                stale = found["runs"] != found["image"]
                cloud.workers = [{"id": "lb1", "status": status, "isStale": stale, "gpuCount": 0, "version": version}]
                # By the next look the old worker is gone.
                found["runs"] = found["image"]
        fields = {"endpointVersion": version, "summary": self._summary(), "workers": cloud.workers}
        return self._answer(200, fields)

    def _balance(self, endpoint: str, path: str) -> None:
        """A call of a load balancer goes to the server of the image that its worker runs."""
        found = self.cloud.endpoints.get(endpoint)
        if found is None or found["type"] != "LOAD_BALANCER":
            return self._answer(404, {"error": "not found"})
        if self.headers.get("authorization") != f"Bearer {API_KEY}":
            return self._answer(401, {"error": "unauthorized"})
        found.setdefault("runs", found["image"])
        server = self.cloud.images.get(found["runs"])
        if server is None:
            return self._answer(502, {"error": "no workers available"})
        try:
            with urllib.request.urlopen(f"{server}{path}", timeout=10) as answer:
                return self._answer(answer.status, json.loads(answer.read()))
        except (OSError, ValueError):
            return self._answer(502, {"error": "bad gateway"})

    def _templates(self, method: str, rest: list[str], body: dict[str, Any]) -> None:
        cloud = self.cloud
        if unknown := sorted(set(body) - _TEMPLATE):
            return self._invalid(unknown)
        if method == "POST":
            if not body.get("name") or not body.get("image"):
                return self._problem(
                    422, "Unprocessable Entity", "Request validation failed.", ["$: name, image required"]
                )
            if any(each["name"] == body["name"] for each in cloud.templates.values()):
                return self._problem(400, "Bad Request", "a template with this name exists")
            new = {"id": uuid.uuid4().hex[:10], "args": "", "disk": 20, "env": {}, "ports": [], **body}
            cloud.templates[new["id"]] = new
            return self._answer(201, new)
        if method == "GET" and not rest:
            return self._answer(200, {"templates": list(cloud.templates.values())})
        found = cloud.templates.get(rest[0]) if rest else None
        if found is None:
            return self._problem(404, "Not Found", "template not found")
        if method == "DELETE":
            del cloud.templates[found["id"]]
            return self._answer(204)
        return self._answer(200, found)

    def _serverless(self, method: str, rest: list[str], body: dict[str, Any]) -> None:
        cloud = self.cloud
        if unknown := sorted(set(body) - _ENDPOINT):
            return self._invalid(unknown)
        template = cloud.templates.get(body.get("templateId", ""))
        if "templateId" in body and template is None:
            return self._problem(404, "Not Found", "template not found")
        taken = {name: template[name] for name in ("image", "args", "disk", "ports", "env")} if template else {}
        given = {name: value for name, value in body.items() if name != "templateId"}
        if method == "POST":
            missing = [name for name in ("name", "type", "scaling") if name not in body]
            if missing or ("gpu" in body) == ("cpu" in body) or not (taken or body.get("image")):
                return self._problem(422, "Unprocessable Entity", "Request validation failed.",
                                     [f"$: missing {missing}, or not exactly one of gpu and cpu"])  # fmt: skip
            name = uuid.uuid4().hex[:8]
            base = {"workers": {"min": 0, "max": 3}, "timeout": 600_000, "flashboot": "OFF", "dataCenterIds": []}
            new = {**base, **taken, **given, "id": name, "version": 1, "networkVolumes": []}
            new["requestUrls"] = {"base": f"{cloud.url}/lb/{name}", "health": f"{cloud.url}/lb/{name}/ping"}
            cloud.endpoints[name] = new
            return self._answer(201, new)
        if method == "GET" and not rest:
            return self._answer(200, {"endpoints": list(cloud.endpoints.values())})
        found = cloud.endpoints.get(rest[0]) if rest else None
        if found is None:
            return self._problem(404, "Not Found", "endpoint not found")
        if method == "PATCH":
            found |= {**taken, **given, "version": found["version"] + 1}
        if method == "DELETE":
            del cloud.endpoints[found["id"]]
            return self._answer(204)
        return self._answer(200, found)

    def _events(self) -> None:
        tail = int(parse_qs(urlsplit(self.path).query).get("tail", ["100"])[0])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number, line in enumerate(self.cloud.worker_lines[-tail:]):
            answer = json.dumps({"ts": "2026-06-01T12:05:04Z", "source": "container", "line": line})
            self.wfile.write(f"id: 2026-06-01T12:05:04Z/{number}\ndata: {answer}\n\n".encode())
        self.wfile.flush()
        self.close_connection = True

    def _scripted(self, operation: str) -> bool:
        with self.cloud.lock:
            lined_up = self.cloud.answers.get(operation)
            if not lined_up:
                return False
            status, headers, body = lined_up.pop(0)
        self._answer(status, body, headers)
        return True

    def _invalid(self, unknown: list[str]) -> None:
        seen = [f"$: additional properties '{name}' not allowed" for name in unknown]
        self._problem(422, "Unprocessable Entity", "Request validation failed.", seen)

    def _problem(self, status: int, title: str, detail: str, errors: list[str] | None = None) -> None:
        fields: dict[str, Any] = {"title": title, "status": status, "detail": detail}
        self._answer(
            status, fields | ({"errors": errors} if errors else {}), {"content-type": "application/problem+json"}
        )

    def _answer(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


_L4 = {
    "id": "NVIDIA L4",
    "name": "L4",
    "pool": "ADA_24",
    "manufacturer": "NVIDIA",
    "memory": 24,
    "secure": True,
    "community": False,
    "price": {"secure": 0.43, "community": 0, "serverless": 0.69},
    "maxCount": {"secure": 8, "community": 0},
}
_A10 = _L4 | {"id": "NVIDIA A10", "name": "A10"}
