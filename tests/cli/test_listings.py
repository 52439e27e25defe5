"""`mp` finds, compares and ranks what is listed."""

from tests.cli.conftest import Mp
from tests.support.running import eventually


def test_a_service_is_suggested_filtered_compared_and_shown(consumer: Mp, service: str) -> None:
    eventually(lambda: service in consumer("suggest", "vect").stdout, "it is suggested")
    # The marketplace serves all tests of the command: other vendors' services are not this test's.
    ours = ("search", "--vendor", "acme", "--task", "embeddings")
    found = consumer.json(*ours, "--max-token-price", "20", "--sort", "price_per_1k_tokens")
    assert [item["name"] for item in found["items"]] == [service]
    assert consumer.json(*ours, "--min-token-price", "20.01")["items"] == []
    assert consumer.json("search", "--min-rating", "4")["items"] == []
    read = consumer("search", "--vendor", "acme", "vectors under 2 cents per call")
    assert "max_price_per_call=20000000" in read.stderr
    literal = consumer.json("search", "--vendor", "acme", "--literal", "vectors under 2 cents per call")
    assert literal["understood"] == []
    compared = consumer("compare", service).stdout
    assert "price per 1k tokens" in compared
    assert service in compared
    similar = consumer.json("similar", service)["items"]
    assert [item for item in similar if item["listing"]["name"].startswith("acme/")] == []
    assert "embeddings" in consumer("categories").stdout
    assert consumer.json("vendors", "acme")["services"] >= 1
    assert len(consumer.json("measured", service)["steps"]) >= 30
    ranked = consumer("rankings", "growth")
    assert ranked.returncode == 0
    assert "Organisations that call of late" in ranked.stderr


def test_what_cannot_be_asked_names_what_is_wrong(consumer: Mp, service: str) -> None:
    upside_down = consumer("search", "--min-rating", "4", "--max-rating", "2")
    assert upside_down.returncode == 1
    assert "rating" in upside_down.stderr
    assert consumer("search", "--max-price", "cheap").returncode == 2
    assert consumer("compare", *[f"acme/s{number}" for number in range(5)]).returncode == 1
    assert consumer("similar", "acme/nothing").returncode == 1
    assert consumer("vendors", "nobody").returncode == 1
