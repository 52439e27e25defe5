"""`mp keys` with holds, as a person runs it."""

import json
from pathlib import Path

from tests.cli.test_people import log_in, run, url

__all__ = ["url"]


async def test_a_key_is_made_with_a_hold_that_is_shown_and_lifted(url: str, tmp_path: Path) -> None:
    mp = await log_in(tmp_path / "admin", url)
    made = json.loads((await run(mp, "keys", "make", "--address", "203.0.113.9/24", "--json")).stdout)
    assert made["addresses"] == ["203.0.113.0/24"]
    listed = await run(mp, "keys", "list")
    assert "203.0.113.0/24" in listed.stdout, listed.stderr
    assert "Acme" in listed.stdout
    wrong = await run(mp, "keys", "hold", made["id"], "--service", "nothing")
    assert (wrong.returncode, "VENDOR/NAME" in wrong.stderr) == (2, True)
    unknown = await run(mp, "keys", "hold", made["id"], "--service", "acme/nothing")
    assert (unknown.returncode, "acme/nothing" in unknown.stderr) == (1, True)
    lifted = await run(mp, "keys", "hold", made["id"])
    assert lifted.stdout == f"{made['id']} is held to nothing.\n"
