"""Training in the runner: JSON lines on standard output, whatever the vendor's code prints or breaks."""

import asyncio
import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mercato_cli.runner.jobs import training_job
from mercato_cli.runner.log_tail import LogTail
from tests.support.http_server import serve_bytes
from tests.support.running import processes_naming

TRAIN = """
    import os
    import sys
    from pathlib import Path


    def train(spec, data, out, report):
        print("chatter")
        os.system("echo chatter of a child")
        sys.stdout.write("more\\n")
        for step in range(2):
            report(step, {"loss": 1.0 / (1 + step)})
        (out / "model.txt").write_text(f"tree seed {spec.seed} of {(Path(data) / 'train.txt').read_text()}")
        return {"rank_ic": 0.25}
"""


def _project(folder: Path, source: str = TRAIN) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(textwrap.dedent(source))
    (folder / "data").mkdir()
    (folder / "data" / "train.txt").write_text("rows")
    (folder / "spec.json").write_text(json.dumps({"task": "test", "seed": 7}))
    return project


def _run(folder: Path) -> tuple[int, list[dict[str, Any]], str]:
    command = [sys.executable, "-m", "mercato_cli.runner", "train"]
    for name, place in (("project", "project"), ("spec", "spec.json"), ("data", "data"), ("out", "out")):
        command += [f"--{name}", str(folder / place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_tells_progress_and_what_it_left(tmp_path: Path) -> None:
    _project(tmp_path)
    code, lines, log = _run(tmp_path)
    content = b"tree seed 7 of rows"
    assert code == 0
    assert lines == [
        {"event": "progress", "step": 0, "metrics": {"loss": 1.0}},
        {"event": "progress", "step": 1, "metrics": {"loss": 0.5}},
        {
            "event": "done",
            "metrics": {"rank_ic": 0.25},
            "artifacts": [{"name": "model.txt", "bytes": 19, "sha256": hashlib.sha256(content).hexdigest()}],
        },
    ]
    assert {"chatter", "chatter of a child", "more"} <= set(log.splitlines())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('return {"rank_ic": 0.25}', 'return {"rank_ic": float("nan")}', "finite number"),
        ('return {"rank_ic": 0.25}', "return 7", "dictionary"),
        ('return {"rank_ic": 0.25}', "raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("report(step,", "report(-1,", "whole number"),
        ('{"loss": 1.0 / (1 + step)}', '{"loss": "low"}', "could not convert"),
        (
            '(out / "model.txt").write_text(',
            '[(out / str(n)).touch() for n in range(101)]\n    (out / "m").write_text(',
            "102 files",
        ),
    ],
)
def test_what_goes_wrong_is_a_line_and_code_1(tmp_path: Path, old: str, new: str, said: str) -> None:
    source = textwrap.dedent(TRAIN)
    assert old in source
    _project(tmp_path, source.replace(old, new))
    code, lines, _ = _run(tmp_path)
    assert code == 1
    assert lines[-1]["event"] == "failed"
    assert said in lines[-1]["error"]


@pytest.mark.parametrize(
    ("source", "said"),
    [("", "no function `train`"), ("import nothing_here", "ModuleNotFoundError"), ("(", "SyntaxError")],
)
def test_a_project_that_cannot_train_is_one_sentence(tmp_path: Path, source: str, said: str) -> None:
    _project(tmp_path, source)
    code, lines, log = _run(tmp_path)
    assert (code, lines) == (1, [])
    assert said in log.splitlines()[-1]


def test_links_among_the_artifacts_are_passed_over(tmp_path: Path) -> None:
    _project(
        tmp_path,
        textwrap.dedent(TRAIN).replace("    return", '    (out / "link").symlink_to("/etc/passwd")\n    return'),
    )
    code, lines, _ = _run(tmp_path)
    assert code == 0
    assert [each["name"] for each in lines[-1]["artifacts"]] == ["model.txt"]


def _serve(content: bytes) -> Any:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content)
    return serve_bytes(lambda number, line: [head + content])


def test_a_job_of_a_worker_fetches_trains_and_answers(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    run = training_job(_project(tmp_path), lambda job, answer: said.append(answer), every_seconds=0.01)
    with _serve(b"rows of a round") as server:
        data = {"name": "train.txt", "url": server.url, "sha256": hashlib.sha256(b"rows of a round").hexdigest()}
        answer = asyncio.run(run({"id": "job-1", "input": {"spec": {"task": "test", "seed": 3}, "data": [data]}}))
    assert answer["metrics"] == {"rank_ic": 0.25}
    assert base64.b64decode(answer["artifacts"][0]["content"]) == b"tree seed 3 of rows of a round"
    lines = answer["log"]["text"].splitlines()
    assert [json.loads(line)["step"] for line in lines if '"progress"' in line] == [0, 1]
    assert {"chatter", "more"} <= set(lines)
    assert answer["log"]["place"] == 0
    for each in said:
        assert answer["log"]["text"].startswith(each["text"])
        assert each["elapsed_ms"] >= 0
    assert [len(each["text"]) for each in said] == sorted(len(each["text"]) for each in said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "damaged"),
        ({"name": "../up.txt"}, "no file name"),
        ({"url": "file:///etc/passwd"}, "over http"),
    ],
)
def test_a_job_takes_only_what_it_should(tmp_path: Path, change: dict[str, str], said: str) -> None:
    run = training_job(_project(tmp_path), lambda job, answer: None)
    with _serve(b"rows") as server:
        data = {"name": "train.txt", "url": server.url, "sha256": hashlib.sha256(b"rows").hexdigest()} | change
        answer = asyncio.run(run({"input": {"spec": {"task": "test"}, "data": [data]}}))
    assert said in answer["error"]
    assert "no `spec`" in asyncio.run(run({"input": {}}))["error"]


def _sent(folder: Path, source: str, **given: Any) -> dict[str, Any]:
    """The answer to a job whose code comes by a link, from a worker that is a process of its own."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("train.py", textwrap.dedent(source))
    with _serve(held.getvalue()) as server:
        code = {"url": f"{server.url}/code.zip", "sha256": hashlib.sha256(held.getvalue()).hexdigest()}
        job = {"id": "job-1", "input": {"spec": {"task": "test"}, "code": code, "data": []} | given}
        (folder / "job.json").write_text(json.dumps(job))
        script = (
            "import asyncio, json, sys; from pathlib import Path\n"
            "from mercato_cli.runner.jobs import training_job\n"
            "run = training_job(None, lambda job, told: None)\n"
            "print(json.dumps(asyncio.run(run(json.loads(Path(sys.argv[1]).read_text())))))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder / "job.json")],
            env={**os.environ, "RUNPOD_AI_API_KEY": "rpa_secret"},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout)
    return body


def test_code_that_is_sent_is_run_without_the_workers_secrets_and_on_a_fresh_worker_afterwards(tmp_path: Path) -> None:
    answer = _sent(
        tmp_path,
        """
        import os
        from pathlib import Path


        def train(spec, data, out, report):
            print(sorted(os.environ), os.getcwd())
            try:
                print(Path(f"/proc/{os.getppid()}/environ").read_bytes())
            except OSError:
                print("not readable")
            (out / "model.txt").write_text("tree")
            return {}
        """,
    )
    assert answer["artifacts"][0]["name"] == "model.txt"
    assert answer["refresh_worker"] is True
    assert "RUNPOD" not in answer["log"]["text"].partition("\n")[0]


def test_a_job_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = f"mark-{tmp_path.name}"
    answer = _sent(
        tmp_path,
        f"""
        import subprocess, sys, time


        def train(spec, data, out, report):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # {mark}"])
            print("begun", flush=True)
            time.sleep(600)
        """,
        seconds=8,
    )
    assert answer["error"] == "It took longer than its 8 s and was ended."
    assert answer["end"] == "timed_out"
    assert "begun" in answer["log"]["text"]
    assert processes_naming(Path(mark)) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"claim": "http://127.0.0.1:9/claim"}, "cannot be reached from the worker"),
        ({"claim": "file:///etc/passwd"}, "over http"),
        ({"code": {"url": "http://127.0.0.1:9/code.zip", "sha256": "0" * 64}}, "code.zip cannot be had"),
    ],
)
def test_a_job_that_is_not_the_runs_or_cannot_be_fetched_does_not_begin(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    answer = _sent(tmp_path, "def train(*_):\n    print('begun')\n", **given)
    assert said in answer["error"]
    assert answer["log"]["text"] == ""


def test_a_log_tail_keeps_the_last_lines_and_their_position() -> None:
    tail = LogTail(kept=20)
    for number in range(10):
        tail.add(f"line {number}")
    assert tail.to_json() == {"place": 56, "text": "line 8\nline 9\n"}
    assert tail.end == 70
