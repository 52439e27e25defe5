"""What is sent twice changes nothing the second time: a submission, a subscription, a batch of usage."""

from typing import Any

import httpx
import msgspec

from mercato_gateway.spool import EVENT, parse_segment_name, read_records
from tests.e2e.calls import Load, embeddings, greeting
from tests.e2e.conftest import PER_CALL, Join, Shop, new_vendor
from tests.e2e.marketplace import Gateway, Marketplace
from tests.e2e.parties import greeting_offer


def test_the_same_submission_is_the_same_release(marketplace: Marketplace) -> None:
    vendor = new_vendor(marketplace)
    offer = greeting_offer("again", marketplace.vendor_url, [PER_CALL])
    body = {"manifest": offer.manifest_text, "openapi": offer.document_text}
    first = vendor.http.post("/api/submissions", json=body)
    at_once = vendor.http.post("/api/submissions", json=body)
    vendor.follow(first.json()["id"])
    afterwards = vendor.http.post("/api/submissions", json=body)
    assert [answer.status_code for answer in (first, at_once, afterwards)] == [202, 200, 200]
    assert {answer.json()["id"] for answer in (first, at_once, afterwards)} == {first.json()["id"]}
    assert len(list(vendor.every("/api/submissions"))) == 1
    assert len(vendor.listing(f"{vendor.slug}/again").releases) == 1


def test_other_content_under_a_released_version_is_refused(marketplace: Marketplace) -> None:
    vendor = new_vendor(marketplace)
    vendor.publish(greeting_offer("fixed", marketplace.vendor_url, [PER_CALL]))
    other = greeting_offer("fixed", marketplace.vendor_url, [PER_CALL], word="other")
    answer = vendor.http.post(
        "/api/submissions", json={"manifest": other.manifest_text, "openapi": other.document_text}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "version_exists")


def test_subscribing_twice_is_subscribing_once(shop: Shop, join: Join) -> None:
    member = join().member
    first, second = member.subscribe(shop.greeter, "per-call"), member.subscribe(shop.greeter, "per-call")
    assert first == second
    assert len(list(member.every("/api/subscriptions"))) == 1


def test_a_batch_of_usage_that_comes_again_counts_nothing(marketplace: Marketplace, shop: Shop, join: Join) -> None:
    consumer = join((shop.embedder, "per-token"), (shop.greeter, "per-call"))
    asks = [embeddings(shop.embedder), greeting(shop.greeter)]
    with Load(marketplace.gateway.url, consumer.key, asks) as load:
        load.until_answered(60)
    consumer.member.all_metered(len(load.answered))

    def books() -> list[Any]:
        ledger = marketplace.operator.get("/api/ledger/trial-balance")
        return [consumer.member.get("/api/usage"), consumer.member.usage_events(), ledger]

    before = books()
    batch = batch_of(marketplace.gateway, {each.request_id for each in load.answered})
    headers = {"authorization": f"Bearer {marketplace.gateway_token}", "content-type": "application/json"}
    for _ in range(3):
        answer = httpx.post(f"{marketplace.control_url}/internal/usage", content=batch, headers=headers)
        assert answer.json() == {"taken": 0, "known": len(load.answered)}
    assert books() == before


def batch_of(gateway: Gateway, requests: set[str]) -> bytes:
    """The events of these calls as they stand in the gateway's spool, in the batch that it sends."""
    (gateway_id,) = gateway.spool.glob("worker-0/gateway-id")
    events, life = [], ""
    for path in gateway.spool.glob("worker-0/*.spool"):
        for record, _ in read_records(path.read_bytes()):
            if record[:1] == EVENT and msgspec.json.decode(record[1:])["request_id"] in requests:
                events.append(record[1:])
                name = parse_segment_name(path.name)
                assert name is not None
                life = name.life
    assert len(events) == len(requests), "the segment that is written to keeps what was shipped"
    head = msgspec.json.encode({"gateway": gateway_id.read_text(), "life": life, "closed": []})
    return head[:-1] + b',"events":[' + b",".join(events) + b"]}"
