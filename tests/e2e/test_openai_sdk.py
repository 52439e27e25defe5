"""The unmodified OpenAI SDK works with nothing changed but its address and key, and raises its own exceptions."""

from collections.abc import Iterator

import openai
import pytest

from mercato_contracts.keys import make_key
from tests.e2e.conftest import Consumer, Join, Shop
from tests.e2e.marketplace import Marketplace
from tests.e2e.vendor_server import DIMENSIONS, MODEL, count

WORDS = "the boat is tied up behind the wall"


@pytest.fixture
def consumer(shop: Shop, join: Join) -> Consumer:
    return join((shop.embedder, "per-token"), (shop.chat, "per-token"))


@pytest.fixture
def sdk(marketplace: Marketplace, consumer: Consumer) -> Iterator[openai.OpenAI]:
    """It does not retry, so that a test sees what the gateway answered."""
    with openai.OpenAI(base_url=f"{marketplace.gateway.url}/v1", api_key=consumer.key, max_retries=0) as client:
        yield client


def test_embeddings(sdk: openai.OpenAI, shop: Shop) -> None:
    answer = sdk.embeddings.create(model=shop.embedder, input=[WORDS, "two words"])
    assert [len(row.embedding) for row in answer.data] == [DIMENSIONS, DIMENSIONS]
    assert answer.usage.prompt_tokens == count(WORDS) + 2


def test_chat(sdk: openai.OpenAI, shop: Shop, consumer: Consumer) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model=shop.chat, messages=[{"role": "user", "content": WORDS}])
    answer = raw.parse()
    assert (answer.choices[0].message.content, answer.model) == (WORDS, MODEL)
    consumer.member.all_metered(1)
    (event,) = consumer.member.usage_events()
    assert event.request_id == raw.headers["x-request-id"]
    assert (event.tokens_in, event.tokens_out, event.source) == (count(WORDS), count(WORDS), "provider")


@pytest.mark.parametrize("asks_for_usage", [True, False])
def test_streamed_chat_is_metered_in_full_and_shows_usage_only_to_who_asked(
    sdk: openai.OpenAI, shop: Shop, consumer: Consumer, asks_for_usage: bool
) -> None:
    chunks = list(
        sdk.chat.completions.create(
            model=shop.chat,
            messages=[{"role": "user", "content": WORDS}],
            stream=True,
            stream_options={"include_usage": True} if asks_for_usage else openai.omit,
        )
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said.split() == WORDS.split()
    shown = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage is not None]
    assert shown == ([count(WORDS)] if asks_for_usage else [])
    consumer.member.all_metered(1)
    (event,) = consumer.member.usage_events()
    assert (event.streamed, event.tokens_in, event.tokens_out) == (True, count(WORDS), count(WORDS))


def test_the_model_list_is_what_the_consumer_subscribed_to(sdk: openai.OpenAI, shop: Shop) -> None:
    assert sorted(model.id for model in sdk.models.list()) == sorted([shop.embedder, shop.chat])
    assert sdk.models.retrieve(shop.chat).owned_by == shop.vendor.slug


def test_a_wrong_key_is_an_authentication_error(sdk: openai.OpenAI, shop: Shop, consumer: Consumer) -> None:
    never_issued = make_key("ck", f"key_{'0' * 32}", bytes(32))
    for key, code in ((consumer.key[:-1], "key_malformed"), (never_issued, "key_invalid")):
        with pytest.raises(openai.AuthenticationError) as refused:
            sdk.with_options(api_key=key).embeddings.create(model=shop.embedder, input=WORDS)
        assert refused.value.code == code


def test_what_is_not_subscribed_or_not_there_is_denied_or_not_found(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    stranger = join()
    with openai.OpenAI(base_url=f"{marketplace.gateway.url}/v1", api_key=stranger.key, max_retries=0) as sdk:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            sdk.embeddings.create(model=shop.embedder, input=WORDS)
        with pytest.raises(openai.NotFoundError) as unknown:
            sdk.embeddings.create(model=f"{shop.vendor.slug}/nothing", input=WORDS)
    assert (denied.value.code, unknown.value.code) == ("not_subscribed", "service_not_found")


def test_too_many_calls_are_a_rate_limit_error(marketplace: Marketplace, shop: Shop, join: Join) -> None:
    consumer = join((shop.embedder, "two"))
    with openai.OpenAI(base_url=f"{marketplace.gateway.url}/v1", api_key=consumer.key, max_retries=0) as sdk:
        for _ in range(2):
            sdk.embeddings.create(model=shop.embedder, input=WORDS)
        with pytest.raises(openai.RateLimitError) as refused:
            sdk.embeddings.create(model=shop.embedder, input=WORDS)
    assert refused.value.code == "quota_exceeded"
    assert int(refused.value.response.headers["retry-after"]) >= 1


def test_a_malformed_body_is_a_bad_request_error(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.embeddings.create(model="", input=WORDS)
    assert refused.value.code == "model_missing"


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_service_is_a_server_error_and_costs_nothing(
    sdk: openai.OpenAI, shop: Shop, consumer: Consumer, status: int
) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        sdk.embeddings.create(model=shop.embedder, input=f"fail with {status}")
    assert failed.value.status_code == status
    consumer.member.all_metered(1)
    (event,) = consumer.member.usage_events()
    assert (event.status, event.price_nanos, event.request_id) == (status, 0, failed.value.request_id)
