"""Setting webhooks up: whose they are, where they may lead, and that secrets are shown once and lie sealed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.identity import Caller, NotAllowed, Role
from mercato.webhooks import WebhookAddresses
from mercato.webhooks.refusals import TooManyWebhooks, WebhookAddressRefused, WebhookEventUnknown, WebhookNotFound
from tests.conftest import People
from tests.webhooks.conftest import Post
from tests.webhooks.receiver import Receiver


class Names:
    """A resolver of a test: what each question is answered, in turn."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://hooks.example.org/x", "93.184.216.34"),
        ("https://hooks.example.org/x", "10.0.0.5"),
        ("https://hooks.example.org/x", "169.254.169.254"),
        ("https://hooks.example.org/x", "::1"),
        ("https://hooks.example.org/x", "::ffff:127.0.0.1"),
        ("https://127.0.0.1/x", "127.0.0.1"),
        ("https://0x7f000001/x", "127.0.0.1"),
        ("https://user:secret@hooks.example.org/x", "93.184.216.34"),
        ("https://hooks.example.org:22/x", "93.184.216.34"),
        ("https://hooks.example.org/x?token=1", "93.184.216.34"),
        ("ftp://hooks.example.org/x", "93.184.216.34"),
        ("https://hooks.example.org/x\r\nhost: y", "93.184.216.34"),
    ],
)
async def test_addresses_that_lead_inside_are_refused(post: Post, url: str, address: str) -> None:
    vendor = await post.people.join("acme")
    post.addresses = WebhookAddresses(allow_private=False, resolver=Names([address]))
    with pytest.raises(WebhookAddressRefused):
        await post.add(vendor, url)
    async with post.database.transaction() as session:
        assert await post.desk(session).list_all(vendor) == []


async def test_a_name_that_changes_its_mind_after_registration_leads_nowhere(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    post.addresses = WebhookAddresses(allow_private=False, resolver=Names(["93.184.216.34"], ["127.0.0.1"]))
    made = await post.add(vendor, f"https://hooks.example.org:{receiver.port}/hook")
    async with post.database.transaction() as session:
        await post.desk(session).test(vendor, made.endpoint.id)
    await post.deliver()
    (delivered,) = await post.log(vendor, made.endpoint.id)
    assert delivered.attempts[0].status is None
    assert "127.0.0.1" in delivered.attempts[0].error
    assert receiver.received == []


async def test_secrets_lie_sealed_and_each_for_its_own_endpoint(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    one, two = await post.add(vendor, receiver.url), await post.add(vendor, receiver.url)
    async with post.database.transaction() as session:
        sealed = (await session.execute(text("SELECT endpoint_id, sealed FROM webhook_secrets ORDER BY 1"))).all()
        everything = str((await session.execute(text("SELECT * FROM webhook_endpoints"))).all())
    import base64

    for made, row in zip(sorted([one, two], key=lambda made: made.endpoint.id), sealed, strict=True):
        secret = base64.b64decode(made.secret.removeprefix("whsec_"))
        assert len(secret) == 32
        assert secret not in bytes(row[1])
        assert post.seal.open(row[0], bytes(row[1])) == secret
    assert "whsec_" not in everything
    with pytest.raises(Exception):  # noqa: B017, PT011  (whatever the cipher says)
        post.seal.open(sealed[0][0], bytes(sealed[1][1]))


async def test_no_more_than_twenty_and_only_known_events(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    with pytest.raises(WebhookEventUnknown):
        await post.add(vendor, receiver.url, ["alert.opened", "everything"])
    for _ in range(20):
        await post.add(vendor, receiver.url)
    with pytest.raises(TooManyWebhooks):
        await post.add(vendor, receiver.url)


async def test_another_organisations_webhooks_are_not_found_and_viewers_change_nothing(
    post: Post, receiver: Receiver
) -> None:
    vendor, stranger = await post.people.join("acme"), await post.people.join("globex")
    viewer = await post.people.join("initech", Role.VIEWER)
    made = await post.add(vendor, receiver.url)
    endpoint = made.endpoint.id

    async def attempt(caller: Caller, what: str) -> None:
        async with post.database.transaction() as session:
            desk = post.desk(session)
            steps: dict[str, Any] = {
                "change": lambda: desk.change(caller, endpoint, url=None, event_types=None, enabled=False),
                "remove": lambda: desk.remove(caller, endpoint),
                "rotate": lambda: desk.rotate(caller, endpoint, timedelta(0)),
                "test": lambda: desk.test(caller, endpoint),
                "deliveries": lambda: desk.deliveries(caller, endpoint, before=None, limit=5),
                "redeliver": lambda: desk.redeliver(caller, endpoint, "dlv_1"),
            }
            await steps[what]()

    for what in ("change", "remove", "rotate", "test", "deliveries", "redeliver"):
        with pytest.raises(WebhookNotFound):
            await attempt(stranger, what)
        with pytest.raises(WebhookNotFound if what == "deliveries" else NotAllowed):
            await attempt(viewer, what)
    with pytest.raises(WebhookNotFound):
        await attempt(vendor, "redeliver")
    with pytest.raises(NotAllowed):
        await post.add(viewer, receiver.url)


async def test_the_whole_of_it_over_http(api: httpx.AsyncClient, people: People, receiver: Receiver) -> None:
    await people.join("acme")
    body = {"email": "acme@example.org", "password": "correct horse battery"}
    token = (await api.post("/api/sessions", json=body)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    asked = {"url": receiver.url, "event_types": ["alert.opened"]}
    keyed = headers | {"Idempotency-Key": "once"}
    made = await api.post("/api/webhooks", json=asked, headers=keyed)
    assert made.status_code == 201
    assert (await api.post("/api/webhooks", json=asked, headers=keyed)).json() == made.json()
    path = f"/api/webhooks/{made.json()['id']}"
    listed = (await api.get("/api/webhooks", headers=headers)).json()
    assert [item["url"] for item in listed["items"]] == [receiver.url]
    assert "secret" not in listed["items"][0]
    assert "alert.opened" in listed["event_types"]
    rotated = await api.post(f"{path}/rotate", json={"grace_seconds": 0}, headers=headers)
    assert rotated.json()["secret"] != made.json()["secret"]
    sent = await api.post(f"{path}/test", headers=headers)
    assert (sent.status_code, sent.json()["state"]) == (202, "pending")
    log = (await api.get(f"{path}/deliveries", headers=headers)).json()["items"]
    assert [(row["event_type"], row["message_id"]) for row in log] == [("endpoint.test", sent.json()["message_id"])]
    again = await api.post(f"{path}/deliveries/{log[0]['id']}/redeliver", headers=headers)
    assert again.status_code == 202
    off = await api.patch(path, json={"enabled": False}, headers=headers)
    assert off.json()["disabled_reason"] == "by hand"
    refused = await api.post(f"{path}/test", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert (await api.post("/api/webhooks", json=asked | {"secret": "x"}, headers=headers)).status_code == 422
    assert (await api.post("/api/webhooks", json=asked)).status_code == 401
    assert (await api.delete(path, headers=headers)).status_code == 204
    assert (await api.get(f"{path}/deliveries", headers=headers)).status_code == 404
