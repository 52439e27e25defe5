"""Backups that are consistent, unreadable without the key, and come back; on a real embedded server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import running
from tests.support.ports import free_ports
from tests.support.running import Place, get
from tests.support.waiting import SECONDS, eventually


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
    rotated = place.run("secrets", "rotate", "--json")
    assert rotated.returncode == 0, rotated.stderr
    signing = (place.state / "secrets" / "signing.key").read_text()
    elsewhere = place.folder / "elsewhere"
    made = place.run("backup", "--to", str(elsewhere), "--json")
    assert made.returncode == 0, made.stderr
    body = json.loads(made.stdout)
    assert body["database_bytes"] > 10**6
    file = Path(body["file"])
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
    assert json.loads(rotated.stdout)["id"] in signing, "a ring is carried whole"
    assert (restored / "secrets").stat().st_mode & 0o077 == 0
    replayed = place.run("--state", str(restored), "privacy", "replay")
    assert replayed.returncode == 0, replayed.stderr
    again = place.run("--state", str(restored), "restore", str(file), "--key", str(key))
    assert again.returncode == 1
    assert "already" in again.stderr


@pytest.mark.slow
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
    cut = place.folder / "cut.tar.age"
    cut.write_bytes(file.read_bytes()[:-100_000])
    damaged, none = place.folder / "damaged.key", place.folder / "none.key"
    damaged.write_text(key.read_text().replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1ZZ"))
    none.write_bytes(b"\xff\xfe no key")
    for archive, opener, said in (
        (file, other, "name the key of the recipient"),
        (none, key, "another backup if this is none"),
        (cut, key, "copy it again, or restore an older backup"),
        (file, damaged, "copy it again from where it is kept"),
        (file, none, "AGE-SECRET-KEY-1…"),
    ):
        wrong = place.run(*target, str(archive), "--key", str(opener))
        assert wrong.returncode == 1
        assert said in wrong.stderr
        assert "Traceback" not in wrong.stderr
        assert left(place.folder / "target") == [], "all or nothing"
    unknown = place.run("backup", "--recipient", "age1nonsense")
    assert unknown.returncode == 1
    assert "--make-key` printed" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    again = place.run(*target, str(file), "--key", str(key))
    assert again.returncode == 0, again.stderr
    place.environment["DATABASE_URL"] = "postgresql://127.0.0.1:1/none"
    own = place.run("backup")
    assert own.returncode == 1
    assert "pgBackRest" in own.stderr


def left(state: Path) -> list[str]:
    """What a restore that failed left of a marketplace; locks are none of it."""
    names = ("postgres/data", "postgres/data.draft", "secrets", "gateway", "objects", ".restoring")
    return [name for name in names if (state / name).exists()]


def _with_little_room(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    """Where a file may not grow beyond 2 MB: writing fails as on a full disk."""
    limited = [sys.executable, "-c", _LIMITED, str(running.BIN / "mercato"), *words]
    return subprocess.run(
        limited, env=place.environment, cwd=place.folder, capture_output=True, text=True, timeout=SECONDS
    )


_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.slow
def test_a_full_disk_is_named_and_a_restore_is_tried_again_afterwards(place: Place) -> None:
    public, key = _key(place)
    place.environment["MERCATO_BACKUP_RECIPIENT"] = public
    assert place.run("migrate").returncode == 0
    spool = place.state / "gateway" / "worker-0" / "spool-1"
    spool.parent.mkdir(parents=True)
    spool.write_bytes(os.urandom(4_000_000))
    (internal,) = free_ports(1)
    place.environment["MERCATO_INTERNAL_PORT"] = str(internal)
    # Its server writes in a process of its own, which has room.
    served = place.start("serve", "accounts", "--port", str(place.port))
    eventually(lambda: get(place.port, "/readyz")[0] == 200, f"ready: {served.err()}")
    full = _with_little_room(place, "backup")
    assert full.returncode == 1
    assert "no room in" in full.stderr
    assert "then run it again" in full.stderr
    assert "Traceback" not in full.stderr
    assert list((place.state / "backups").glob("*.age*")) == []
    file = json.loads(place.run("backup", "--json").stdout)["file"]
    served.stop()
    target = place.folder / "target"
    words = ("--state", str(target), "restore", file, "--key", str(key))
    full = _with_little_room(place, *words)
    assert full.returncode == 1
    assert f"no room in {target}" in full.stderr
    assert "Traceback" not in full.stderr
    assert left(target) == []
    os.mkfifo(place.folder / "slow.age")  # nothing comes from it, so the restore does not end before it is killed
    killed = place.start("--state", str(target), "restore", str(place.folder / "slow.age"), "--key", str(key))
    eventually((target / ".restoring").exists, "the restore is under way")
    killed.process.kill()
    killed.process.wait()
    # As if it had come a step further.
    (target / ".restoring").mkdir(exist_ok=True)
    (target / "secrets").mkdir(exist_ok=True)
    (target / "secrets" / "signing.key").write_text("half of it")
    again = place.run(*words)
    assert again.returncode == 0, again.stderr
    assert (target / "gateway/worker-0/spool-1").read_bytes() == spool.read_bytes()
    assert (target / "secrets/signing.key").read_text() == (place.state / "secrets/signing.key").read_text()
    assert not (target / ".restoring").exists()
    (aside,) = target.glob("interrupted-*")
    assert str(aside) in again.stderr
    assert (aside / "secrets" / "signing.key").read_text() == "half of it"
