"""What is changed at the control plane comes into force at the gateway without a restart; the bench says how soon."""

from tests.e2e.calls import Client, greeting
from tests.e2e.conftest import PER_CALL, Join, Shop, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import greeting_offer


def test_a_revoked_key_is_refused(marketplace: Marketplace, shop: Shop, join: Join) -> None:
    consumer = join((shop.greeter, "per-call"))
    client, ask = Client(marketplace.gateway.url, consumer.key), greeting(shop.greeter)
    assert client.call(ask).answered
    revoked = consumer.member.http.delete(f"/api/keys/{consumer.first.id}")
    assert revoked.is_success, revoked.text
    refused, seconds = client.until(ask, lambda seen: not seen.answered)
    print(f"a revoked key was refused after {seconds * 1000:.0f} ms")
    assert (refused.status, refused.code) == (401, "key_invalid")


def test_a_cancelled_subscription_allows_no_more_calls(marketplace: Marketplace, shop: Shop, join: Join) -> None:
    consumer = join((shop.greeter, "per-call"))
    client, ask = Client(marketplace.gateway.url, consumer.key), greeting(shop.greeter)
    assert client.call(ask).answered
    (subscription,) = consumer.member.every("/api/subscriptions")
    assert consumer.member.http.delete(f"/api/subscriptions/{subscription['id']}").is_success
    refused, seconds = client.until(ask, lambda seen: not seen.answered)
    print(f"a cancelled subscription was refused after {seconds * 1000:.0f} ms")
    assert (refused.status, refused.code) == (403, "not_subscribed")


def test_a_new_subscription_allows_calls_with_a_key_that_was_refused_before(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer = join()
    client, ask = Client(marketplace.gateway.url, consumer.key), greeting(shop.greeter)
    assert client.call(ask).code == "not_subscribed"
    consumer.member.subscribe(shop.greeter, "per-call")
    client.until(ask, lambda seen: seen.answered)


def test_a_range_follows_a_new_release_and_leaves_a_yanked_one(marketplace: Marketplace, join: Join) -> None:
    vendor = new_vendor(marketplace)
    url, plans = marketplace.vendor_url, [PER_CALL]
    service = vendor.publish(greeting_offer("moving", url, plans, word="one"))
    client = Client(marketplace.gateway.url, join((service, "per-call")).key)

    def says(word: str, wanted: str) -> float:
        ask = greeting(f"{service}{wanted}")
        return client.until(ask, lambda seen: seen.answered and seen.body["word"] == word, seconds=60)[1]

    says("one", "@^1.0")
    vendor.publish(greeting_offer("moving", url, plans, version="1.1.0", word="two"))
    seconds = says("two", "@^1.0")
    print(f"a new release took calls {seconds * 1000:.0f} ms after it was seen as released")
    says("one", "@1.0.0")  # whoever names a version keeps it

    vendor.post(f"/api/services/{service}/releases/1.1.0/yank", {"reason": "it greets the wrong people"})
    says("one", "@^1.0")
    gone = client.call(greeting(f"{service}@1.1.0"))
    assert (gone.status, gone.code) == (404, "version_not_found")
