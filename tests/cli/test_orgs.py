"""`mp orgs` as somebody runs it who is in two organisations."""

from pathlib import Path

from tests.cli.test_people import log_in, run, url
from tests.conftest import People

__all__ = ["url"]


async def test_a_person_joins_another_organisation_and_acts_in_it(url: str, people: People, tmp_path: Path) -> None:
    await people.join("globex")
    boss = await log_in(tmp_path / "boss", url, "globex@example.org")
    ada = await log_in(tmp_path / "ada", url)
    link = (await run(boss, "people", "invite", "acme@example.org", "--role", "admin")).stdout.strip()
    elsewhere = await run(ada, "orgs", "join", f"http://other.example/join/{link.rpartition('/')[2]}")
    assert elsewhere.returncode != 0
    assert "leads to http://other.example" in elsewhere.stderr
    joined = await run(ada, "orgs", "join", link.rpartition("/")[2])  # the link names the marketplace otherwise
    assert "Act in it with `mp orgs use globex`" in joined.stdout, joined.stderr
    assert (await run(ada, "orgs", "use", "globex")).stdout == "You act in globex as admin.\n"
    assert "globex" in (await run(ada, "whoami")).stdout
    member = (await run(boss, "orgs", "members")).stdout
    assert "acme@example.org" in member
    user = next(word for word in member.split() if word.startswith("usr_"))
    assert (await run(boss, "orgs", "remove", user)).returncode == 0
    assert (await run(ada, "whoami")).returncode == 3
