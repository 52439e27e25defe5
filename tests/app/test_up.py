"""`mercato up`: all of it runs, what dies comes back, and nothing stays behind."""

import os
import signal
import socket

import pytest

from tests.support.running import Place, get, processes_naming
from tests.support.waiting import eventually


def _pids(place: Place, word: str) -> list[int]:
    return [pid for pid, command in processes_naming(place.folder).items() if word in command]


def _ready(place: Place) -> bool:
    return all(get(port, "/readyz")[0] == 200 for port in (place.port, place.worker_port, place.admin_port))


def _assert_nothing_left(place: Place) -> None:
    eventually(lambda: not processes_naming(place.folder), f"nothing left of {processes_naming(place.folder)}", 60)


def test_runs_everything_shows_the_first_secrets_once_restarts_what_dies_and_leaves_nothing(place: Place) -> None:
    up = place.start("up", "--json")
    ready = up.await_line()
    assert ready["control_url"] == f"http://127.0.0.1:{place.port}"
    assert ready["consumer"]["key"].startswith("ck_")
    assert ready["administrator"]["password"] not in up.err()
    assert _ready(place)

    second = place.run("up")
    assert second.returncode == 1
    assert f"process {up.pid}" in second.stderr

    (worker,) = _pids(place, "serve --with-parent worker")
    os.kill(worker, signal.SIGKILL)
    up.await_said("worker ended with signal SIGKILL")
    eventually(lambda: _ready(place), "the worker is back")

    (postgres,) = _pids(place, "bin/postgres -D")
    os.kill(postgres, signal.SIGKILL)
    up.await_said("PostgreSQL ended; it starts again")
    eventually(lambda: _ready(place), "the database is back")

    assert up.stop(signal.SIGTERM) == 0
    _assert_nothing_left(place)
    order = [line.split()[0] for line in up.err().splitlines() if line.split()[1:2] == ["stopped"]]
    assert order == ["gateway", "worker", "control", "postgresql"]
    for log in (place.state / "logs").iterdir():
        for secret in (ready["consumer"]["key"], ready["administrator"]["password"]):
            assert secret not in log.read_text()


@pytest.mark.slow
def test_after_a_sigkill_children_end_and_the_next_up_takes_over(place: Place) -> None:
    up = place.start("up", "--json")
    first = up.await_line()
    up.stop(signal.SIGKILL)
    again = place.start("up", "--json")
    ready = again.await_line()
    assert first["consumer"] is not None
    assert ready["consumer"] is None
    assert ready["administrator"] is None
    assert len(_pids(place, "serve --with-parent control")) == 1
    assert again.stop(signal.SIGINT) == 0
    _assert_nothing_left(place)


@pytest.mark.slow
def test_asked_to_stop_while_it_starts_it_leaves_nothing(place: Place) -> None:
    up = place.start("up", "--json")
    up.await_said("postgresql")
    assert up.stop(signal.SIGINT) == 0
    _assert_nothing_left(place)
    assert up.out() == ""


def test_a_taken_port_is_named_with_the_setting_that_moves_it(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.gateway_port))
        taken.listen()
        refused = place.run("up")
    assert refused.returncode == 1
    assert f"port {place.gateway_port} (gateway)" in refused.stderr
    assert "MERCATO_GATEWAY_PORT" in refused.stderr
    _assert_nothing_left(place)


@pytest.mark.slow
def test_a_child_that_cannot_start_ends_up_with_what_it_said(place: Place) -> None:
    (place.state / "secrets").mkdir(parents=True)
    (place.state / "secrets" / "signing.key").write_text("no key\n")
    refused = place.run("up")
    assert refused.returncode == 1
    assert "ended with exit code" in refused.stderr
    _assert_nothing_left(place)


def test_a_wrong_setting_is_one_line(place: Place) -> None:
    refused = place.run("up", environment={**place.environment, "MERCATO_PORT": "many"})
    assert refused.returncode == 1
    assert "port" in refused.stderr
    assert "Traceback" not in refused.stderr
