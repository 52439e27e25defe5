"""`mp view-as` as an operator runs it, and as the organisation does that is viewed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Mp
from tests.cli.test_people import log_in, run, url
from tests.conftest import People

__all__ = ["url"]


@pytest.mark.slow
async def test_an_operator_views_and_the_organisation_forbids_it(url: str, people: People, tmp_path: Path) -> None:
    await people.operator()
    acme = await log_in(tmp_path / "acme", url)
    operator = await log_in(tmp_path / "operator", url, "operator@example.org")
    chief = json.loads((await run(acme, "people", "list", "--json")).stdout)["items"][0]["id"]
    refused = await run(operator, "view-as", "begin", chief, "--reason", "ticket 4711")
    assert refused.returncode != 0
    assert "This person is an administrator" in refused.stderr
    invited = await run(acme, "people", "invite", "vera@acme.example", "--role", "viewer")
    link = f"{url}/join/{invited.stdout.strip().rpartition('/')[2]}"
    joined = await run(Mp(tmp_path), "people", "join", link, "--name", "Vera", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    found = json.loads((await run(acme, "people", "list", "--json")).stdout)["items"]
    vera = next(each["id"] for each in found if each["role"] == "viewer")
    began = await run(operator, "view-as", "begin", vera, "--reason", "ticket 4711")
    assert began.returncode == 0, began.stderr
    assert "Vera (viewer)" in began.stdout
    assert "acme" in (await run(operator, "whoami")).stdout
    change = await run(operator, "keys", "make", "--name", "laptop")
    assert change.returncode != 0
    assert "mp view-as end" in change.stderr
    assert "ticket 4711" in (await run(acme, "view-as", "list")).stdout
    assert (await run(operator, "view-as", "end")).stdout == "You view as nobody.\n"
    assert (await run(operator, "view-as", "show")).stdout == "You view as nobody.\n"
    assert (await run(acme, "view-as", "forbid")).stdout == "Operators may not view as people of yours.\n"
    again = await run(operator, "view-as", "begin", vera, "--reason", "ticket 4711")
    assert "does not let operators view as its people" in again.stderr
    assert (await run(acme, "view-as", "allow")).returncode == 0
