"""A worker of a RunPod queue in few lines: takes jobs and posts progress and answers as the SDK does, without the SDK.

What the SDK itself does with the same handler is tested in `test_runpod_sdk.py`.
"""

import asyncio
import json
import os
import urllib.request
from typing import Any

from mercato_cli.runner.jobs import training_job

WORKER = os.environ["RUNPOD_POD_ID"]
TAKE = os.environ["RUNPOD_WEBHOOK_GET_JOB"].replace("$ID", WORKER)
DONE = os.environ["RUNPOD_WEBHOOK_POST_OUTPUT"].replace("$RUNPOD_POD_ID", WORKER)


def ask(url: str, event: Any = None) -> Any:
    body = None if event is None else json.dumps(event).encode()
    request = urllib.request.Request(url, body, {"authorization": os.environ["RUNPOD_AI_API_KEY"]})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def post(job: dict[str, Any], body: dict[str, Any]) -> None:
    ask(DONE.replace("$ID", job["id"]) + "&isStream=false", body)


def progress(job: dict[str, Any], body: dict[str, Any]) -> None:
    post(job, {"status": "IN_PROGRESS", "output": body})


handler = training_job(None, progress, every_seconds=0.2)
while True:
    job = ask(TAKE + "&job_in_progress=0")
    if job is not None:
        answer = asyncio.run(handler(job))
        error = answer.pop("error", None)
        answer.pop("refresh_worker", None)
        post(job, {"output": answer} | ({"error": error} if error else {}))
