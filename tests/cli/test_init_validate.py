"""A project starts valid, from every template; and whatever is wrong with it is found before anything is sent."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from mercato_cli.commands.init import TEMPLATES
from mercato_cli.validating.running import running
from tests.cli.conftest import Mp
from tests.support.running import BIN


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> str:
    """The name of a template."""
    return str(request.param)


def _project(mp: Mp, template: str = "signal-http") -> Path:
    done = mp("init", "first-try", "--template", template)
    assert done.returncode == 0, done.stderr
    return mp.config / "first-try"


_TIMED = {"inference_too_slow", "cold_start_slow", "measure_errors"}
"""What a busy machine may find of anybody's project; that it finds them where it should is tested apart."""


def _codes(body: dict[str, Any]) -> list[str]:
    return [each["code"] for phase in body["phases"] for each in phase["findings"] if each["level"] == "error"]


def _validate(mp: Mp, *words: str) -> tuple[int, dict[str, Any]]:
    done = mp("validate", "first-try", "--json", *words)
    assert done.stdout, done.stderr
    body: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, body


def test_every_template_is_valid_from_the_start(mp: Mp, template: str) -> None:
    folder = _project(mp, template)
    _, answer = _validate(mp)
    assert set(_codes(answer)) <= _TIMED
    assert [phase["number"] for phase in answer["phases"]][:6] == [2, 3, 4, 5, 6, 7]
    assert not [each for phase in answer["phases"] for each in phase["findings"] if each["level"] == "warning"]
    own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(own, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout
    assert {"Dockerfile", "README.md", "handler.py", "openapi.yaml", "service.yaml"} <= {
        each.name for each in folder.iterdir()
    }


def test_a_template_is_tidy(mp: Mp, template: str) -> None:
    folder = _project(mp, template)
    assert not [path for path in folder.rglob("*") if path.is_file() and "{{" in path.read_text()]
    for verb in (["check"], ["format", "--check"]):
        ruff = [str(BIN / "ruff"), *verb, "--isolated", "--line-length", "120", "."]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_an_openai_service_is_served_where_its_document_says(mp: Mp) -> None:
    folder = _project(mp, "openai-service")
    endpoint = yaml.safe_load((folder / "service.yaml").read_text())["endpoint"]["url"]
    with running(folder, None) as runner:
        served = f"http://127.0.0.1:{runner.port}"
        for base in (urlsplit(endpoint).path, ""):
            answer = httpx.post(f"{served}{base}/embeddings", json={"input": "a text"}, timeout=60)
            assert answer.status_code == 200, answer.text


def test_nothing_is_overwritten(mp: Mp) -> None:
    folder = _project(mp)
    (folder / "handler.py").write_text("mine")
    done = mp("init", "first-try", "--template", "openai-service")
    assert done.returncode == 2
    assert done.stderr.startswith("mp: first-try already exists")
    assert (folder / "handler.py").read_text() == "mine"
    (mp.config / "link").symlink_to(folder)
    assert mp("init", "other", "--template", "openai-service", "--folder", "link").returncode == 2


@pytest.mark.parametrize("name", ["First", "a_b", "-a", "a-", "a" * 64, "../up", "a/b", "", "ä"])
def test_a_name_that_is_none_is_refused(mp: Mp, name: str) -> None:
    done = mp("init", "--template", "signal-http", "--", name)
    assert done.returncode == 2
    assert not [each for each in mp.config.iterdir() if each.is_dir()]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("service.yaml", "version: 0.1.0", "version: one", "manifest_field_invalid"),
        ("service.yaml", "mercato: 1", "mercato: 1\nmercato: 1", "manifest_key_repeated"),
        ("service.yaml", "tags:", "secret: 1\ntags:", "manifest_field_unknown"),
        ("openapi.yaml", "#/components/schemas/EraFeatures", "#/components/schemas/Nothing", "openapi_ref_missing"),
        ("openapi.yaml", "post:", "put:", "openapi_contract_missing"),
        ("service.yaml", "# What", "# AKIAIOSFODNN7EXAMPLX What", "secret_found"),
        ("handler.py", "class Handler", "class Handlers", "project_not_runnable"),
        ("handler.py", "Handler:", "Handler:\n    x = 1 / 0", "project_not_runnable"),
        ("handler.py", "2 * places[value]", "3 * places[value]", "probe_status"),
        ("handler.py", "        return Signal", "        raise OSError\n        return Signal", "probe_status"),
        (
            "handler.py",
            "for era in request.eras])",
            "for era in request.eras[-1:] * len(request.eras)])",
            "probe_status",
        ),
        ("handler.py", "_score(era, columns)", "_score(era, [(len(request.eras) % 3, 1.0)])", "probe_look_ahead"),
        (
            "handler.py",
            "_score(era, columns)",
            '_score(era, [(0, __import__("random").choice((1.0, -1.0)))])',
            "probe_not_deterministic",
        ),
        (
            "handler.py",
            "places[value] / (len(ordered) - 1) - 1 for name, value in raw.items()",
            "at / (len(ordered) - 1) - 1 for at, name in enumerate(raw)",
            "probe_order_dependent",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_the_marketplaces_codes(mp: Mp, file: str, old: str, new: str, code: str) -> None:
    folder = _project(mp)
    _replace(folder / file, old, new)
    status, answer = _validate(mp)
    assert status == 1
    assert code in _codes(answer)


@pytest.mark.slow
def test_a_slow_signal_breaks_its_contract(mp: Mp) -> None:
    folder = _project(mp)
    _replace(folder / "handler.py", "        if not columns:", "        time.sleep(0.12)\n        if not columns:")
    _replace(folder / "handler.py", "from pathlib", "import time\nfrom pathlib")
    assert _codes(_validate(mp)[1]) == ["inference_too_slow"]


@pytest.mark.slow
def test_memory_is_bounded(mp: Mp) -> None:
    folder = _project(mp)
    _replace(folder / "handler.py", "class Handler:", "LARGE = bytearray(300 * 1024 * 1024)\n\n\nclass Handler:")
    assert _codes(_validate(mp, "--memory", "256")[1]) == ["memory_too_large"]
    assert _validate(mp, "--memory", "1024")[0] == 0


def test_a_breaking_change_needs_a_larger_step(mp: Mp) -> None:
    folder = _project(mp, "openapi-service")
    old = folder / "old.yaml"
    old.write_text((folder / "openapi.yaml").read_text())
    _replace(folder / "openapi.yaml", "/v1/speeds", "/v1/velocities")
    _replace(folder / "service.yaml", "version: 0.1.0", "version: 0.1.1")
    words = ("--no-run", "--released", "0.1.0", "--released-openapi", "first-try/old.yaml")
    assert "version_bump_too_small" in _codes(_validate(mp, *words)[1])
    _replace(folder / "service.yaml", "version: 0.1.1", "version: 0.2.0")
    assert _validate(mp, *words)[0] == 0


def test_people_see_each_phase_and_what_to_do(mp: Mp) -> None:
    folder = _project(mp)
    _replace(folder / "service.yaml", "mercato: 1", "mercato: 2")
    done = mp("validate", "first-try")
    assert done.returncode == 1
    assert "manifest" in done.stderr
    assert "-> " in done.stderr
    assert done.stdout.startswith("Not valid: 2 (manifest) failed.")


@pytest.mark.parametrize("words", [("nowhere",), (".",)])
def test_a_folder_without_a_project_is_one_line(mp: Mp, words: tuple[str, ...]) -> None:
    done = mp("validate", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_pickle_is_no_artifact(mp: Mp) -> None:
    folder = _project(mp)
    (folder / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert "pickle_found" in _codes(_validate(mp)[1])


def _write_round(folder: Path) -> None:
    """A round with something to learn, as `mp data pull` leaves it."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    chance = np.random.default_rng(7)
    eras, names = 300, 20
    features = chance.random((eras * names, 3)).astype(np.float32)
    columns = {
        "era": np.repeat(np.arange(1, eras + 1, dtype=np.int32), names),
        "id": [f"n{at:05}" for at in range(eras * names)],
        **{f"feature_{name}": features[:, at] for at, name in enumerate("abc")},
        "target": (features[:, 0] + chance.normal(size=eras * names)).astype(np.float32),
    }
    folder.mkdir(parents=True)
    parquet.write_table(pa.table(columns), folder / "train.parquet")


def _shuffled(body: dict[str, Any]) -> dict[str, Any]:
    phase: dict[str, Any] = body["phases"][-1]
    assert phase["name"] == "shuffled"
    return phase


@pytest.mark.slow
def test_training_on_shuffled_targets_scores_nothing(mp: Mp) -> None:
    folder = _project(mp, "signal-train")
    assert "mp data pull" in _shuffled(_validate(mp)[1])["skipped"]
    _write_round(folder / "data" / "round-1")
    answer = _validate(mp)[1]
    assert _shuffled(answer)["outcome"] == "passed"
    facts = _shuffled(answer)["facts"]
    assert abs(facts["rank_ic"]) < facts["limit"]
    # Judging a model on what it learned from is the commonest leak of all.
    _replace(folder / "train.py", "eras >= held_out_from", "eras < held_out_from")
    _replace(folder / "train.py", '"leaves": 7,', '"leaves": 63,')
    _replace(folder / "train.py", '"least_rows": 500', '"least_rows": 5')
    assert "shuffled_targets_score" in _codes(_validate(mp)[1])


def test_a_training_that_fails_is_named(mp: Mp) -> None:
    folder = _project(mp, "signal-train")
    _write_round(folder / "data" / "round-1")
    _replace(folder / "train.py", "    text = model.model_to_string()", "    raise RuntimeError('out of luck')")
    code, answer = _validate(mp)
    assert (code, _codes(answer)) == (1, ["training_failed"])
    assert "out of luck" in _shuffled(answer)["findings"][0]["message"]
