"""The operator's day of docs/administration.md, by the letter, on real processes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reader import ROOT, Marketplace, Reader, make_up
from tests.support.waiting import eventually

GUIDE = (ROOT / "docs/administration.md").read_text()
_PASSWORD = "correct horse battery"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    with make_up() as marketplace:
        yield marketplace


def test_the_day_works_by_the_letter(marketplace: Marketplace, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    reader = Reader(tmp_path, f"{marketplace.exports}\n. .venv/bin/activate")
    # Read in this order: sign-in, proof, sign-up, joining.
    passwords = f"{marketplace.password}\n{marketplace.password}\n{_PASSWORD}\n{_PASSWORD}\n"
    out = reader.run("\n".join(blocks), passwords)
    assert "unpaid invoices" in out
    assert (tmp_path / "bob.zip").read_bytes().startswith(b"PK")
    assert "bob@acme.example" not in out.partition("login_sessions")[2]

    def is_done() -> bool:
        found = json.loads(reader.run("mp privacy erasures --profile operator --json"))["items"]
        return [each["state"] for each in found] == ["done"]

    eventually(is_done, "the worker erases the person")
    people = json.loads(reader.run("mp people list --profile acme --json"))["items"]
    assert [person["name"] for person in people if person["email"].endswith("@erased.invalid")] == ["Erased person"]
