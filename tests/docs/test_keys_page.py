"""The commands of `docs/production.md` about the marketplace's keys, run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.reader import ROOT

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_keys_are_replaced_and_wrapped_as_the_page_says(tmp_path: Path, database_url: str) -> None:
    page = (ROOT / "docs/production.md").read_text()
    section = page.split("## The marketplace's keys\n")[1].split("\n## ")[0]
    rotate, retire, wrap = _BLOCK.findall(section)
    media = tmp_path / "media"
    media.mkdir()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MERCATO_STATE": str(tmp_path / "state"),
        "DATABASE_URL": database_url,
    }

    def run(script: str) -> tuple[int, str]:
        words = ["bash", "-e", "-c", script.replace("/media", str(media))]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = run(rotate)
    assert code == 0, said
    first = said.split()[0]
    assert re.search(rf"^{first} +newest .*everything new", said, re.MULTILINE)
    assert re.search(r"^[0-9a-f]{8} +coming ", said, re.MULTILINE)
    code, said = run(retire.replace("ID", first))
    assert (code, "run `mercato secrets rotate` first" in said) == (1, True), "the new key has not taken over yet"
    before = (tmp_path / "state/secrets/signing.key").read_text()
    code, said = run(wrap + "mercato secrets list --json")
    assert code == 0, said
    assert json.loads(said.splitlines()[-1])["keys"][0]["id"] == first
    assert before.splitlines()[1] not in (tmp_path / "state/secrets/signing.key").read_text()
    code, said = run("mercato secrets wrap --from file:/media/kek && mercato secrets list --offline")
    assert (code, first in said) == (0, True), said
    assert (tmp_path / "state/secrets/signing.key").read_text() == before
