"""`mp privacy` as people and operators run it, against a marketplace whose worker makes the copies and the erasures."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.waiting import eventually

_PASSWORD = "correct horse battery"


def _log_in(folder: Path, shop: Shop, email: str, password: str = _PASSWORD) -> Mp:
    folder.mkdir()
    mp = Mp(folder)
    done = mp("login", "--url", shop.url, "--email", email, stdin=password)
    assert done.returncode == 0, done.stderr
    return mp


@pytest.fixture
def administrator(tmp_path: Path, shop: Shop) -> Mp:
    """Of an organisation of this test's own, signed in a moment ago."""
    (tmp_path / "administrator").mkdir()
    mp = Mp(tmp_path / "administrator")
    slug = f"p{tmp_path.parent.name.rpartition('-')[2]}-{tmp_path.name.replace('_', '-')[:20].strip('-')}"
    joined = mp("signup", slug, "--url", shop.url, "--email", f"{slug}@example.org", stdin=_PASSWORD)
    assert joined.returncode == 0, joined.stderr
    return mp


@pytest.fixture
def colleague(administrator: Mp, tmp_path: Path, shop: Shop) -> tuple[str, Mp]:
    """Vera, a viewer there: her id and her command."""
    email = f"vera@{administrator.json('whoami')['organisation']}.example"
    invited = administrator("people", "invite", email, "--role", "viewer")
    link = f"{shop.url}/join/{invited.stdout.strip().rpartition('/')[2]}"
    joined = Mp(tmp_path)("people", "join", link, "--name", "Vera Example", stdin=_PASSWORD)
    assert joined.returncode == 0, joined.stderr
    people = administrator.json("people", "list")["items"]
    return next(each["id"] for each in people if each["email"] == email), _log_in(tmp_path / "vera", shop, email)


@pytest.fixture
def operator(tmp_path: Path, shop: Shop) -> Mp:
    """The marketplace's first administrator, signed in a moment ago."""
    return _log_in(tmp_path / "operator", shop, "admin@localhost", shop.operator_password)


def test_a_person_gets_a_copy_for_their_eyes_only(colleague: tuple[str, Mp], tmp_path: Path) -> None:
    person, vera = colleague
    file = tmp_path / "mine.zip"
    done = vera("privacy", "export", "--out", str(file))
    assert done.returncode == 0, done.stderr
    assert str(file) in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as copy:
        texts = b"".join(copy.read(name) for name in copy.namelist())
    assert person.encode() in texts
    assert b"Vera Example" in texts


def test_a_copy_is_asked_for_now_and_fetched_later(colleague: tuple[str, Mp], tmp_path: Path) -> None:
    _, vera = colleague
    copy = vera.json("privacy", "export", "--no-wait")["id"]
    file = tmp_path / "later.zip"
    fetched = vera.json("privacy", "fetch", copy, "--out", str(file))
    assert fetched["file"] == str(file)
    assert zipfile.is_zipfile(file)


def test_nobody_gets_a_copy_of_somebody_elsewhere(person: Mp, colleague: tuple[str, Mp]) -> None:
    vera_id, vera = colleague
    copy = vera.json("privacy", "export", "--no-wait")["id"]
    for words in (["export", vera_id], ["fetch", copy]):
        refused = person("privacy", *words)
        assert refused.returncode == 1, words
        assert f"There is no {'person' if words[0] == 'export' else 'copy'}" in refused.stderr, refused.stderr


def test_an_erasure_is_confirmed_and_ends_their_access(administrator: Mp, colleague: tuple[str, Mp]) -> None:
    person, vera = colleague
    unsure = administrator("privacy", "erase", person)
    assert unsure.returncode != 0
    assert "pass --yes" in unsure.stderr
    assert vera("whoami").returncode == 0
    erasure = administrator.json("privacy", "erase", person, "--yes")["id"]
    assert vera("whoami").returncode == 3
    eventually(lambda: administrator.json("privacy", "show", erasure)["state"] == "done", "the erasure is done")
    assert erasure in administrator("privacy", "erasures").stdout
    assert "Vera" not in administrator("people", "list").stdout


def test_a_legal_hold_stands_against_an_erasure(administrator: Mp, operator: Mp, colleague: tuple[str, Mp]) -> None:
    person, _ = colleague
    assert operator("privacy", "hold", person, "--reason", "case 12 of 2026").returncode == 0
    refused = administrator("privacy", "erase", person, "--yes")
    assert refused.returncode != 0
    assert "hold" in refused.stderr
    assert person in operator("privacy", "holds").stdout
    assert operator("privacy", "release", person).returncode == 0
    assert administrator("privacy", "erase", person, "--yes").returncode == 0


def test_only_operators_hold_people_and_see_what_is_kept(administrator: Mp, operator: Mp) -> None:
    for words in (["holds"], ["hold", "usr_1", "--reason", "mine"], ["retention"]):
        refused = administrator("privacy", *words)
        assert refused.returncode == 1, words
        assert "permission" in refused.stderr
    kept = json.loads(operator("privacy", "retention", "--count", "--json").stdout)["items"]
    assert any(each["due"] is not None for each in kept)
