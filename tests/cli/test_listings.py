"""`mp` finds, compares and ranks what is listed."""

import pytest

from tests.cli.conftest import Mp, Shop, join_vendor, publish
from tests.support.http_server import Server
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def service(shop: Shop, vectors: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The only service of its vendor: the marketplace serves all tests of the command."""
    vendor = join_vendor(shop, tmp_path_factory.mktemp("lists"), "lists")
    publish(vendor, shop, "vectors", "embeddings", vectors.url)
    return "lists/vectors"


def test_a_service_is_suggested_filtered_compared_and_shown(consumer: Mp, service: str) -> None:
    eventually(lambda: service in consumer("suggest", "vect").stdout, "it is suggested")
    ours = ("search", "--vendor", "lists", "--task", "embeddings")
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
    assert [item for item in similar if item["listing"]["name"].startswith("lists/")] == []
    assert "embeddings" in consumer("categories").stdout
    assert consumer.json("vendors", "lists")["services"] >= 1
    assert len(consumer.json("measured", service)["steps"]) >= 30
    ranked = consumer("rankings", "growth")
    assert ranked.returncode == 0
    assert "Organisations that call of late" in ranked.stderr


def test_what_cannot_be_asked_names_what_is_wrong(consumer: Mp, service: str) -> None:
    upside_down = consumer("search", "--min-rating", "4", "--max-rating", "2")
    assert upside_down.returncode == 1
    assert "rating" in upside_down.stderr
    assert consumer("search", "--max-price", "cheap").returncode == 2
    assert consumer("compare", *[f"lists/s{number}" for number in range(5)]).returncode == 1
    assert consumer("similar", "lists/nothing").returncode == 1
    assert consumer("vendors", "nobody").returncode == 1
