"""`mp deploy --provider runpod`: revisions of an image behind one address, rolled back, removed; the key never kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Mp
from tests.fakes.runpod import API_KEY, fake_runpod
from tests.fakes.runpod_cloud import FakeRunPod
from tests.support.http_server import serve_bytes

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


@pytest.fixture
def cloud() -> Iterator[FakeRunPod]:
    """A cloud that can run three images; the server of each answers everything."""
    with fake_runpod() as fake, serve_bytes(lambda number, line: [ANSWER]) as server:
        fake.images = dict.fromkeys(("acme/signal:1", "acme/signal:2", "acme/signal:3"), server.url)
        yield fake


class Deploys:
    """`mp deploy` and so on for one project, on the fake."""

    def __init__(self, mp: Mp, cloud: FakeRunPod, project: Path) -> None:
        self._mp = mp
        self._project = project
        self.environment = {"RUNPOD_API_KEY": API_KEY, "RUNPOD_REST_URL": cloud.rest_url}

    def __call__(self, image: str, *words: str) -> tuple[int, str, str]:
        done = self._mp("deploy", str(self._project), "--name", "sig", "--provider", "runpod", "--image", image, *words,
                        **self.environment)  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        done = self._mp(*words, **(self.environment | environment))
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def deploys(mp: Mp, cloud: FakeRunPod, tmp_path: Path) -> Deploys:
    """A vendor's machine."""
    (tmp_path / "project").mkdir()
    return Deploys(mp, cloud, tmp_path / "project")


def test_revisions_serve_at_one_address_and_go_back_and_away(deploys: Deploys, cloud: FakeRunPod, mp: Mp) -> None:
    code, out, err = deploys("acme/signal:1", "--gpu", "L4")
    assert (code, "sig revision 1 serves at" in out) == (0, True), err
    ((endpoint, answer),) = cloud.endpoints.items()
    assert (answer["type"], answer["image"]) == ("LOAD_BALANCER", "acme/signal:1")
    assert answer["gpu"] == {"pools": ["ADA_24"], "count": 1, "excludedTypes": ["NVIDIA A10"]}
    assert answer["env"] == {"PORT": "8000", "PORT_HEALTH": "8000", "HEALTH_CHECK_PATH": "/ping"}
    url = out.split()[-1].rstrip(".")
    code, out, err = deploys("acme/signal:2", "--json")
    assert (code, json.loads(out)["revision"], json.loads(out)["endpoint"]) == (0, 2, url), err
    assert list(cloud.endpoints) == [endpoint]
    assert cloud.endpoints[endpoint]["image"] == "acme/signal:2"
    called = httpx.get(f"{url}/v1/anything", headers={"authorization": f"Bearer {API_KEY}"})
    assert called.status_code == 200
    assert deploys.run("rollback", "sig")[0] == 0
    assert cloud.endpoints[endpoint]["image"] == "acme/signal:1"
    assert "no revision before 1" in deploys.run("rollback", "sig")[2]
    assert deploys.run("rollback", "sig", "--to", "2")[0] == 0
    assert "no revision 7" in deploys.run("rollback", "sig", "--to", "7")[2]
    kept = [path.read_text() for path in mp.config.rglob("*") if path.is_file()]
    assert all(API_KEY not in text for text in kept)
    assert deploys.run("undeploy", "sig")[0] == 0
    assert (cloud.endpoints, cloud.templates) == ({}, {})
    assert "There is no deployment sig" in deploys.run("undeploy", "sig")[2]


def test_an_image_that_does_not_become_healthy_changes_nothing(deploys: Deploys, cloud: FakeRunPod) -> None:
    assert deploys("acme/signal:1")[0] == 0
    code, _, err = deploys("acme/broken:1", "--wait-seconds", "3")
    assert (code, "1 workers fail their health check" in err) == (5, True), err
    (answer,) = cloud.endpoints.values()
    assert answer["image"] == "acme/signal:1"
    assert deploys("acme/signal:3")[0] == 0
    assert answer["image"] == "acme/signal:3"


def test_a_try_that_was_cut_short_is_taken_up(deploys: Deploys, cloud: FakeRunPod, mp: Mp) -> None:
    assert deploys("acme/signal:1")[0] == 0
    (mp.config / "mercato" / "hosting-runpod" / "sig.json").unlink()
    assert deploys("acme/signal:1")[0] == 0
    assert (len(cloud.endpoints), len(cloud.templates)) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ((401, {}, {"title": "Unauthorized", "status": 401, "detail": f"bad {API_KEY}"}), 3, "Set RUNPOD_API_KEY"),
        ((402, {}, {"title": "Payment", "status": 402, "detail": "insufficient"}), 1, "no balance left: insufficient"),
        ((422, {}, {"title": "no", "status": 422, "detail": "invalid", "errors": ["$.image"]}), 1, "invalid; $.image"),
        ((200, {}, {"templates": []}), 0, ""),
        ((429, {"retry-after": "0"}, {"title": "Too Many", "status": 429}), 0, ""),
        ((503, {}, {}), 0, ""),
    ],
)
def test_what_runpod_answers_is_one_line(
    deploys: Deploys, cloud: FakeRunPod, answer: tuple[int, dict[str, str], object], code: int, message: str
) -> None:
    cloud.answers["templates"] = [answer]
    ended, _, err = deploys("acme/signal:1")
    assert (ended, message in err) == (code, True), err
    assert API_KEY not in err


def test_used_wrongly_it_says_what_is_missing(deploys: Deploys, mp: Mp, tmp_path: Path, cloud: FakeRunPod) -> None:
    project = str(tmp_path / "project")
    done = mp("deploy", project, "--provider", "runpod", **deploys.environment)
    assert (done.returncode, "--image" in done.stderr) == (2, True)
    done = mp("deploy", project, "--gpu", "L4")
    assert (done.returncode, "--provider runpod" in done.stderr) == (2, True)
    code, _, err = deploys("acme/signal:1", "--gpu", "H900")
    assert (code, "Choose one of: A10, L4" in err) == (2, True), err
    code, _, err = deploys.run("deploy", project, "--name", "sig", "--provider", "runpod", "--image", "a/b:1",
                               RUNPOD_REST_URL="http://127.0.0.1:9/v2")  # fmt: skip
    assert (code, "cannot be reached" in err) == (4, True), err
