"""Training in the runner: JSON lines on standard output, whatever the vendor's code prints or breaks."""

import base64
import hashlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mercato_cli.runner.jobs import training_job
from tests.support.http_server import serve_bytes

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
    run = training_job(_project(tmp_path), lambda job, told: said.append(told))
    with _serve(b"rows of a round") as server:
        data = {"name": "train.txt", "url": server.url, "sha256": hashlib.sha256(b"rows of a round").hexdigest()}
        told = run({"id": "job-1", "input": {"spec": {"task": "test", "seed": 3}, "data": [data]}})
    assert told["metrics"] == {"rank_ic": 0.25}
    assert base64.b64decode(told["artifacts"][0]["content"]) == b"tree seed 3 of rows of a round"
    assert [each["step"] for each in said] == [0, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "damaged"),
        ({"name": "../up.txt"}, "no file name"),
        ({"url": "file:///etc/passwd"}, "over http"),
    ],
)
def test_a_job_takes_only_what_it_should(tmp_path: Path, change: dict[str, str], said: str) -> None:
    run = training_job(_project(tmp_path), lambda job, told: None)
    with _serve(b"rows") as server:
        data = {"name": "train.txt", "url": server.url, "sha256": hashlib.sha256(b"rows").hexdigest()} | change
        told = run({"input": {"spec": {"task": "test"}, "data": [data]}})
    assert said in told["error"]
    assert "no `spec`" in run({"input": {}})["error"]
