"""The state of the cloud that `runpod` serves: jobs of one queue, endpoints, and what a test lines up."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WORKER_KEY = "rpa_WORKER000000000000000000000000"

LONG_POLL_SECONDS = 1.0


@dataclass
class FakeJob:
    """A job of a queue; times in seconds of the monotonic clock."""

    id: str
    input: dict[str, Any]
    policy: dict[str, Any]
    began: float = field(default_factory=time.monotonic)
    status: str = "IN_QUEUE"
    output: Any = None
    error: str | None = None
    taken: float | None = None
    ended: float | None = None
    worker: str = ""
    stopping: bool = False

    def view(self) -> dict[str, Any]:
        """As `/status` tells it."""
        fields: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.taken is not None:
            fields["delayTime"] = int((self.taken - self.began) * 1000)
            fields["executionTime"] = int(((self.ended or time.monotonic()) - self.taken) * 1000)
            fields["workerId"] = self.worker
        if self.output is not None:
            fields["output"] = self.output
        if self.error is not None:
            fields["error"] = self.error
        return fields


class FakeRunPod:
    """The cloud of one account."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.jobs: dict[str, FakeJob] = {}
        self.queue_endpoint = "q7x2k9m4"
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.templates: dict[str, dict[str, Any]] = {}
        self.images: dict[str, str] = {}
        """By image, where a server of it listens: what a worker of a load balancer would run."""
        self.answers: dict[str, list[tuple[int, dict[str, str], Any]]] = {}
        """By operation, such as `run` or `workers`: what is answered next instead."""
        self.on_run: Callable[[], None] | None = None
        """Done once, when a job was begun and before that is answered."""
        self.lost_answers = 0
        """So many answers of `/run` get lost on the way, though the job was begun."""
        self.workers: list[dict[str, Any]] = []
        self.worker_lines: list[str] = []
        self.hold = False
        """Nothing is handed to workers."""
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.url = ""

    @property
    def jobs_url(self) -> str:
        return f"{self.url}/v2"

    @property
    def rest_url(self) -> str:
        return f"{self.url}/rest/v2"

    def worker_environment(self, worker: str) -> dict[str, str]:
        """What RunPod sets for a worker of the queue."""
        base = f"{self.url}/v2/{self.queue_endpoint}"
        return {
            "RUNPOD_ENDPOINT_ID": self.queue_endpoint,
            "RUNPOD_POD_ID": worker,
            "RUNPOD_AI_API_KEY": WORKER_KEY,
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=none",
            "RUNPOD_PING_INTERVAL": "2000",
        }

    def job(self) -> FakeJob:
        """The only one."""
        (job,) = self.jobs.values()
        return job

    def asks(self, operation: str) -> int:
        """How often it was called."""
        return sum(1 for _, name in self.asked if name == operation)

    def settle(self) -> None:
        """What time has done to jobs."""
        now = time.monotonic()
        for job in list(self.jobs.values()):
            timeout = job.policy.get("executionTimeout", 600_000) / 1000
            if job.status == "IN_PROGRESS" and job.ended is None and job.taken and now > job.taken + timeout:
                job.status, job.ended, job.stopping = "TIMED_OUT", now, True
            if now > job.began + job.policy.get("ttl", 86_400_000) / 1000:
                del self.jobs[job.id]

    def take(self, worker: str, listens: Callable[[], bool] = lambda: True) -> dict[str, Any] | None:
        """The next job, for a worker that still `listens` when there is one."""
        with self.lock:
            deadline = time.monotonic() + LONG_POLL_SECONDS
            while True:
                self.settle()
                waiting = [] if self.hold else [job for job in self.jobs.values() if job.status == "IN_QUEUE"]
                if waiting and not listens():
                    return None
                if waiting:
                    job = waiting[0]
                    job.status, job.taken, job.worker = "IN_PROGRESS", time.monotonic(), worker
                    return {"id": job.id, "input": job.input}
                if not self.lock.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return None

    def done(self, job_id: str, body: dict[str, Any]) -> None:
        """What a worker posts: progress, or the answer. A late progress wins, as it does there."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job is None or job.status in ("CANCELLED", "TIMED_OUT"):
                return
            job.output = body.get("output")
            if body.get("status") == "IN_PROGRESS":
                job.status = "IN_PROGRESS"
                return
            job.error = body.get("error")
            job.status, job.ended = ("COMPLETED" if job.error is None else "FAILED"), time.monotonic()
            self.lock.notify_all()
