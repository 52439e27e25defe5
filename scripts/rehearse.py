"""`make rehearse`: a marketplace with data is destroyed and restored; prints what was lost and how long it took.

RPO is the age of the backup at the moment of the loss: here as old as the timer of deploy/systemd lets it get, plus the
time that a backup takes. RTO is measured from the restore's start to the first answer of the restored marketplace.
"""

import json
import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx

from tests.support.ports import free_ports
from tests.support.running import Place, Running, get, open_folder, processes_naming
from tests.support.waiting import eventually

_TIMER_SECONDS = 10 * 60 + 60
"""Of deploy/systemd/mercato-backup.timer, with its random delay."""
_RPO_BAR, _RTO_BAR = 15 * 60, 60 * 60


def main() -> int:
    """Exit code 1 when something did not come back."""
    with open_folder() as folder:
        place = Place(folder)
        key = folder / "backup.key"
        (internal,) = free_ports(1)
        place.environment["MERCATO_INTERNAL_PORT"] = str(internal)
        place.environment["MERCATO_BACKUP_RECIPIENT"] = place.run("backup", "--make-key", str(key)).stdout.strip()
        first = _up(place)
        eventually(lambda: first.out().strip() != "", "its first administrator")
        administrator = json.loads(first.out())["administrator"]
        _sign_in(place, administrator)
        made = json.loads(_must(place, "backup", "--to", str(folder / "kept"), "--json"))
        _destroy(place, first)
        began = time.monotonic()
        restored = json.loads(_must(place, "restore", made["file"], "--key", str(key), "--json"))
        _must(place, "privacy", "replay")
        second = _up(place)
        _sign_in(place, administrator)
        rto = time.monotonic() - began
        today = datetime.now(UTC).date()
        _must(place, "reconcile", "--from", str(today - timedelta(days=7)), "--to", str(today + timedelta(days=1)))
        second.stop()
    rpo = _TIMER_SECONDS + made["seconds"]
    print(f"database    {restored['database_bytes'] / 2**20:8.1f} MiB; backup {made['bytes'] / 2**20:.1f} MiB")
    print(f"backup      {made['seconds']:8.1f} s; restore {restored['seconds']:.1f} s")
    print(f"RPO         {rpo:8.1f} s at most, with the timer of deploy/systemd (bar {_RPO_BAR} s)")
    print(f"RTO         {rto:8.1f} s until it answers again (bar {_RTO_BAR} s)")
    print("erasures replayed; events, sums and ledger agree")
    return 0


def _up(place: Place) -> Running:
    running = place.start("up", "--json")
    eventually(lambda: get(place.port, "/readyz")[0] == 200, f"the marketplace answers: {running.err()}", 600)
    return running


def _sign_in(place: Place, administrator: dict[str, str]) -> None:
    """Raises unless the marketplace knows its administrator."""
    shown = {"email": administrator["email"], "password": administrator["password"]}
    httpx.post(f"http://127.0.0.1:{place.port}/api/sessions", json=shown, timeout=120).raise_for_status()


def _must(place: Place, *words: str) -> str:
    done = place.run(*words)
    if done.returncode != 0:
        raise SystemExit(f"mercato {' '.join(words)}: {done.stderr}")
    return done.stdout


def _destroy(place: Place, running: Running) -> None:
    """As a machine that burns: every process at once, then every file of the state."""
    pids = [running.pid, *processes_naming(place.state)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    running.process.wait()
    eventually(lambda: not processes_naming(place.state), "all of it is dead")
    shutil.rmtree(place.state)


if __name__ == "__main__":
    sys.exit(main())
