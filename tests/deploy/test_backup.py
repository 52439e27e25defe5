"""Backups that are consistent, unreadable without the key, and come back; on a real embedded server."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import running
from tests.support.ports import free_ports
from tests.support.running import Place, eventually, get


@pytest.fixture
def place() -> Iterator[Place]:
    with running.open_folder() as folder:
        yield Place(folder)


def _key(place: Place) -> tuple[str, Path]:
    path = place.folder / "backup.key"
    return place.run("backup", "--make-key", str(path)).stdout.strip(), path


def test_a_marketplace_that_was_destroyed_comes_back_as_it_was(place: Place) -> None:
    public, key = _key(place)
    (internal,) = free_ports(1)
    place.environment |= {"MERCATO_BACKUP_RECIPIENT": public, "MERCATO_INTERNAL_PORT": str(internal)}
    assert place.run("migrate").returncode == 0
    served = place.start("serve", "accounts", "--port", str(place.port))
    eventually(lambda: get(place.port, "/readyz")[0] == 200, f"ready: {served.err()}")
    spool = place.state / "gateway" / "worker-0" / "spool-1"
    spool.parent.mkdir(parents=True)
    spool.write_bytes(b"usage that is not shipped")
    answers = place.state / "objects" / "ab" / "cd"
    answers.parent.mkdir(parents=True)
    answers.write_bytes(b"weights")
    signing = (place.state / "secrets" / "signing.key").read_text()
    elsewhere = place.folder / "elsewhere"
    made = place.run("backup", "--to", str(elsewhere), "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["database_bytes"] > 10**6
    file = Path(told["file"])
    whole = file.read_bytes()
    assert whole.startswith(b"age-encryption.org/v1")
    assert signing.encode() not in whole
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads((place.state / "backups" / "last.json").read_text())["bytes"] == len(whole)
    served.process.send_signal(signal.SIGKILL)
    served.process.wait()
    restored = place.folder / "restored"
    back = place.run("--state", str(restored), "restore", str(file), "--key", str(key), "--json")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["spools"] == 1
    assert (restored / "gateway/worker-0/spool-1").read_bytes() == b"usage that is not shipped"
    assert (restored / "objects/ab/cd").read_bytes() == b"weights"
    assert (restored / "secrets/signing.key").read_text() == signing
    assert (restored / "secrets").stat().st_mode & 0o077 == 0
    replayed = place.run("--state", str(restored), "privacy", "replay")
    assert replayed.returncode == 0, replayed.stderr
    again = place.run("--state", str(restored), "restore", str(file), "--key", str(key))
    assert again.returncode == 1
    assert "already" in again.stderr


def test_what_is_wrong_is_one_line(place: Place) -> None:
    public, key = _key(place)
    assert place.run("backup", "--make-key", str(key)).returncode == 1
    nobody = place.run("backup")
    assert nobody.returncode == 1
    assert "--make-key" in nobody.stderr
    place.environment["MERCATO_BACKUP_RECIPIENT"] = public
    assert place.run("migrate").returncode == 0
    file = Path(json.loads(place.run("backup", "--json").stdout)["file"])
    _, other = place.run("backup", "--make-key", str(place.folder / "other.key")), place.folder / "other.key"
    target = ["--state", str(place.folder / "target"), "restore"]
    wrong = place.run(*target, str(file), "--key", str(other))
    assert wrong.returncode == 1
    assert "does not open it" in wrong.stderr
    cut = place.folder / "cut.tar.age"
    cut.write_bytes(file.read_bytes()[:-100_000])
    short = place.run(*target, str(cut), "--key", str(key))
    assert short.returncode == 1
    assert "Traceback" not in short.stderr
    assert not (place.folder / "target" / "postgres").exists(), "all or nothing"
    place.environment["DATABASE_URL"] = "postgresql://127.0.0.1:1/none"
    own = place.run("backup")
    assert own.returncode == 1
    assert "pgBackRest" in own.stderr
