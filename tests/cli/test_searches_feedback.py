"""`mp searches` tells what newly fits, and `mp feedback` adds up what people found of results."""

from pathlib import Path

import pytest

from tests.cli.conftest import Mp, Shop, join_vendor, publish
from tests.support.http_server import Server
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def seller(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """A vendor of this file's own: the marketplace serves all tests of the command."""
    return join_vendor(shop, tmp_path_factory.mktemp("newly"), "newly")


@pytest.fixture
def operator(shop: Shop, tmp_path: Path) -> Mp:
    """The operator's administrator."""
    operator = Mp(tmp_path / "operator")
    operator.config.mkdir()
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0
    return operator


def test_a_saved_search_tells_of_a_service_that_is_published_later_and_is_forgotten(
    person: Mp, seller: Mp, shop: Shop, vectors: Server
) -> None:
    saved = person.json("searches", "save", "new-vectors", "vectors", "--vendor", "newly", "--task", "embeddings")
    assert saved["search"] == {"q": "vectors", "vendor": ["newly"], "task": ["embeddings"]}
    short = saved["id"][-8:]
    assert "Nothing new fitted yet" in person("searches", "fits", short).stderr
    publish(seller, shop, "vectors", "embeddings", vectors.url)
    eventually(lambda: "newly/vectors" in person("searches", "fits", short).stdout, "the fit is reported")
    page = person.json("searches", "fits", saved["id"], "--limit", "1")
    assert [(one["service"], one["version"]) for one in page["items"]] == [("newly/vectors", "1.0.0")]
    (listed,) = [one for one in person.json("searches", "list")["items"] if one["id"] == saved["id"]]
    assert listed["fits"] == 1
    table = person("searches", "list").stdout
    assert "new-vectors" in table
    assert "q=" not in table, "words are shown as they were typed"
    forgotten = person("searches", "forget", short)
    assert forgotten.stdout.strip() == "Forgotten."
    again = person("searches", "forget", saved["id"])
    assert again.returncode == 1
    assert "mp searches list" in again.stderr


def test_people_hear_by_mail_and_keys_do_not(person: Mp, consumer: Mp, shop: Shop, tmp_path: Path) -> None:
    # Both fixtures log the same command in, the key last.
    refused = consumer("searches", "save", "by-mail", "vectors", "--mail")
    assert refused.returncode == 1
    assert "A key has no mail address." in refused.stderr
    login = ("login", "--url", shop.url, "--email", "demo@localhost")
    assert person(*login, stdin=shop.password).returncode == 0
    saved = person.json("searches", "save", "by-mail", "vectors", "--mail")
    assert saved["mail_to"] == saved["created_by"]
    (line,) = [line for line in person("searches", "list").stdout.splitlines() if "by-mail" in line]
    assert line.split()[-1] == "yes"
    assert person.json("searches", "save", "by-mail", "vectors")["mail_to"] is None
    assert person("searches", "forget", saved["id"]).returncode == 0
    upside_down = person("searches", "save", "nothing", "--min-rating", "4", "--max-rating", "2")
    assert upside_down.returncode == 1
    assert "rating" in upside_down.stderr


def test_feedback_is_given_and_operators_see_what_it_adds_up_to(consumer: Mp, operator: Mp, service: str) -> None:
    words = ("quokka", "to", "numbers")
    first = consumer("feedback", "give", service, *words, "--position", "4")
    assert first.stdout.strip() == f"Noted: {service} is useful there."
    told = consumer.json("feedback", "give", service, *words, "--position", "4", "--not-useful")
    assert told == {"service": service, "position": 4, "verdict": "not_useful"}
    found = operator.json("feedback", "figures")
    (fourth,) = [one for one in found["positions"] if one["position"] == 4]
    assert (fourth["useful"], fourth["not_useful"]) == (0, 1), "the last word counts"
    shown = operator("feedback", "figures")
    assert "mean reciprocal rank" in shown.stderr
    assert "not useful" in shown.stdout
    consumer("feedback", "give", service, *words, "--position", "4")
    assert operator.json("feedback", "figures")["reciprocal_rank_bp"] is not None


def test_feedback_that_cannot_be_says_why(consumer: Mp, service: str) -> None:
    for wrong in (
        ("give", service, "words", "--position", "0"),
        ("give", service, "words"),
        ("give", service, "--position", "1"),
    ):
        assert consumer("feedback", *wrong).returncode == 2, wrong
    unknown = consumer("feedback", "give", "acme/nothing", "words", "--position", "1")
    assert unknown.returncode == 1
    assert "acme/nothing" in unknown.stderr
    refused = consumer("feedback", "figures")
    assert refused.returncode in (1, 4)
    assert "marketplace:read" in refused.stderr
