"""Service accounts: programs of an organisation, whose keys are nobody's own and end at once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.platform import Database
from tests.admin.conftest import Ledger, ledger
from tests.conftest import TestClock
from tests.identity.scim_provider import sign_in, sign_up
from tests.identity.test_sign_in import ACME, bearer

__all__ = ["ledger"]

Tokens = dict[str, str]
PATH = "/api/service-accounts"


class Office:
    """An administrator, and what they do with service accounts."""

    def __init__(self, api: httpx.AsyncClient, admin: Tokens) -> None:
        self.api, self.admin = api, admin

    async def ask(self, method: str, path: str, body: Any = None, *, who: Tokens | None = None) -> httpx.Response:
        return await self.api.request(method, path, json=body, headers=bearer(who or self.admin))

    async def make(self, name: str = "deploy-bot", **more: Any) -> dict[str, Any]:
        answer = await self.ask("POST", PATH, {"name": name, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def key(self, account: str | None, kind: str = "vk", **more: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/api/keys", self.wanted(account, kind, **more))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def wanted(self, account: str | None, kind: str = "vk", **more: Any) -> dict[str, Any]:
        return {"kind": kind, "name": "ci", "service_account_id": account, **more}

    async def colleague(self, name: str, role: str = "admin") -> tuple[str, Tokens]:
        body = {"email": f"{name}@acme.example", "name": name.title(), "password": ACME["password"], "role": role}
        answer = await self.ask("POST", "/api/users", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"]), await sign_in(self.api, f"{name}@acme.example")

    async def me(self, key: dict[str, Any]) -> httpx.Response:
        return await self.api.get("/api/me", headers={"Authorization": f"Bearer {key['key']}"})


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def office(api: httpx.AsyncClient) -> Office:
    return Office(api, await sign_up(api, "acme"))


async def test_a_program_acts_by_keys_of_its_account_within_its_rights(office: Office) -> None:
    account = await office.make(purpose="Publishes.", rights=["services:publish", "services:read"])
    assert (account["keys"], account["created_by_name"], account["disabled_at"]) == (0, "Acme", None)
    key = await office.key(account["id"])
    assert key["scopes"] == ["services:publish", "services:read"]
    assert (key["service_account_id"], key["service_account_name"]) == (account["id"], "deploy-bot")
    assert (await office.me(key)).json()["permissions"] == ["services:publish", "services:read"]
    wide = await office.ask("POST", "/api/keys", office.wanted(account["id"], scopes=["billing:read"]))
    assert refused(wide) == (422, "scopes_too_wide")
    own = await office.key(None)
    assert (own["service_account_id"], own["service_account_name"]) == (None, "")
    assert "billing:read" in own["scopes"]
    shown = (await office.ask("GET", f"{PATH}/{account['id']}")).json()
    assert (shown["keys"], shown["purpose"]) == (1, "Publishes.")
    listed = {each["id"]: each for each in (await office.ask("GET", "/api/keys")).json()["items"]}
    assert listed[key["id"]]["service_account_name"] == "deploy-bot"


async def test_disabling_ends_its_keys_at_once_and_nobody_elses(office: Office, clock: TestClock) -> None:
    account, other = await office.make(), await office.make("reader")
    keys = [await office.key(account["id"]), await office.key(account["id"], "ck")]
    rotated = await office.ask("POST", f"/api/keys/{keys[0]['id']}/rotate", {"grace_seconds": 3600})
    assert rotated.json()["service_account_id"] == account["id"]
    theirs, own = await office.key(other["id"]), await office.key(None)
    clock.advance(timedelta(minutes=11))  # no proof is asked for
    for _ in range(2):
        done = await office.ask("POST", f"{PATH}/{account['id']}/disable")
        assert (done.status_code, done.json()["keys"]) == (200, 0), done.text
        assert done.json()["disabled_at"] is not None
    for key in (*keys, rotated.json()):
        assert (await office.me(key)).status_code == 401
    for key in (theirs, own):
        assert (await office.me(key)).status_code == 200
    again = await office.ask("POST", "/api/keys", office.wanted(account["id"]))
    assert refused(again) == (409, "service_account_disabled")
    assert refused(await office.ask("POST", f"{PATH}/{account['id']}/enable")) == (403, "step_up_needed")
    office.admin = await sign_in(office.api, "admin@acme.example")
    assert (await office.ask("POST", f"{PATH}/{account['id']}/enable")).json()["disabled_at"] is None
    assert (await office.me(keys[1])).status_code == 401
    assert (await office.me(await office.key(account["id"]))).status_code == 200


async def test_its_keys_outlive_whoever_made_them(office: Office) -> None:
    account = await office.make()
    bob, tokens = await office.colleague("bob")
    made = await office.ask("POST", "/api/keys", office.wanted(account["id"]), who=tokens)
    own = await office.ask("POST", "/api/keys", {"kind": "ck", "name": "mine"}, who=tokens)
    assert (await office.ask("POST", f"/api/users/{bob}/disable", {})).status_code == 200
    assert (await office.me(own.json())).status_code == 401
    assert (await office.me(made.json())).status_code == 200


async def test_fewer_rights_are_fewer_at_once_and_more_are_for_new_keys(office: Office) -> None:
    account = await office.make(rights=["services:publish", "services:read", "usage:read"])
    key, path = await office.key(account["id"]), f"{PATH}/{account['id']}/rights"
    for _ in range(2):
        less = await office.ask("PUT", path, {"rights": ["services:read"]})
        assert less.json()["rights"] == ["services:read"]
    assert (await office.me(key)).json()["permissions"] == ["services:read"]
    await office.ask("PUT", path, {"rights": ["services:publish", "services:read"]})
    assert (await office.me(key)).json()["permissions"] == ["services:read"]
    successor = await office.ask("POST", f"/api/keys/{key['id']}/rotate", {"grace_seconds": 0})
    assert successor.json()["scopes"] == ["services:read"]
    assert (await office.key(account["id"]))["scopes"] == ["services:publish", "services:read"]
    await office.ask("PUT", path, {"rights": []})
    assert (await office.me(successor.json())).json()["permissions"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "a", "rights": ["users:write"]}, 422, "rights_too_wide"),
        ({"name": "a", "rights": ["approvals:decide"]}, 422, "rights_too_wide"),
        ({"name": "a", "rights": ["nothing:known"]}, 422, "rights_too_wide"),
        ({"name": "DEPLOY-BOT"}, 409, "service_account_taken"),
        ({"name": " "}, 422, "malformed_request"),
        ({"name": "x" * 121}, 422, "malformed_request"),
        ({"name": "nul\0"}, 422, "malformed_request"),
        ({"name": "a", "rights": ["call"] * 51}, 422, "malformed_request"),
        ({"name": "a", "password": "secret"}, 422, "malformed_request"),
    ],
)
async def test_what_is_no_service_account_is_refused(
    office: Office, body: dict[str, Any], status: int, code: str
) -> None:
    await office.make()
    assert refused(await office.ask("POST", PATH, body)) == (status, code)
    assert len((await office.ask("GET", PATH)).json()["items"]) == 1


async def test_only_administrators_with_a_new_proof_make_them_and_nobody_touches_anothers(
    office: Office, clock: TestClock
) -> None:
    account, key = await office.make(), await office.key(None)
    _, viewer = await office.colleague("vera", "viewer")
    stranger = await sign_up(office.api, "globex")
    assert (await office.ask("GET", PATH, who=viewer)).json()["items"][0]["name"] == "deploy-bot"
    assert (await office.ask("GET", PATH, who=stranger)).json()["items"] == []
    by_key = {"access_token": key["key"]}
    for who in (viewer, by_key):
        assert refused(await office.ask("POST", PATH, {"name": "mine"}, who=who)) == (403, "not_allowed")
    for path, method, body in (
        ("", "GET", None), ("/rights", "PUT", {"rights": []}), ("/disable", "POST", None), ("/enable", "POST", None),
    ):  # fmt: skip
        answer = await office.ask(method, f"{PATH}/{account['id']}{path}", body, who=stranger)
        assert refused(answer) == (404, "service_account_not_found")
    theirs = await office.ask("POST", "/api/keys", office.wanted(account["id"]), who=stranger)
    assert refused(theirs) == (404, "service_account_not_found")
    clock.advance(timedelta(minutes=11))
    assert refused(await office.ask("POST", PATH, {"name": "other"})) == (403, "step_up_needed")
    rights = await office.ask("PUT", f"{PATH}/{account['id']}/rights", {"rights": []})
    assert refused(rights) == (403, "step_up_needed")


async def test_changes_and_what_its_keys_do_are_entries_with_its_name(
    office: Office, ledger: Ledger, clock: TestClock
) -> None:
    account = await office.make(rights=["services:read", "subscriptions:write"])
    key = await office.key(account["id"], "ck")
    await office.ask("PUT", f"{PATH}/{account['id']}/rights", {"rights": ["services:read"]})
    denied = await office.ask("POST", "/api/keys", office.wanted(None), who={"access_token": key["key"]})
    assert refused(denied) == (403, "not_allowed")
    clock.advance(timedelta(minutes=2))
    await ledger.tell_refusals()
    await office.ask("POST", f"{PATH}/{account['id']}/disable")
    await ledger.record()
    found = (await office.ask("GET", f"/api/audit/entries?target={account['id']}")).json()["items"]
    assert {each["core"]["verb"] for each in found} == {"service_account.changed"}
    assert [each["details"]["after"] for each in found] == [
        {"disabled": True, "keys": [key["id"]]},
        {"rights": ["services:read"]},
        {"name": "deploy-bot", "rights": ["services:read", "subscriptions:write"]},
    ]
    assert [each["details"]["target_name"] for each in found] == ["deploy-bot"] * 3
    by_kind = (await office.ask("GET", "/api/audit/entries?target_type=service_account")).json()["items"]
    assert len(by_kind) == 3
    keys = (await office.ask("GET", f"/api/audit/entries?target={key['id']}")).json()["items"]
    assert keys[0]["details"]["target_name"] == "deploy-bot · ci"
    [refusal] = (await office.ask("GET", "/api/audit/entries?outcome=denied")).json()["items"]
    assert (refusal["core"]["actor"]["id"], refusal["details"]["actor_name"]) == (key["id"], "deploy-bot · ci")


async def test_no_key_outlives_a_disabling_that_comes_at_the_same_moment(office: Office, database: Database) -> None:
    """Of the account, and of a person: keys are made and rotated while they are disabled."""
    for number in range(3):
        account = await office.make(f"bot-{number}")
        bob, tokens = await office.colleague(f"bob{number}")
        old = await office.key(account["id"])
        own = await office.ask("POST", "/api/keys", {"kind": "ck", "name": "mine"}, who=tokens)
        rotate = {"grace_seconds": 3600}
        answers = await asyncio.gather(
            *(office.ask("POST", "/api/keys", office.wanted(account["id"])) for _ in range(3)),
            office.ask("POST", f"/api/keys/{old['id']}/rotate", rotate),
            office.ask("POST", f"{PATH}/{account['id']}/disable"),
            *(office.ask("POST", "/api/keys", {"kind": "ck", "name": "more"}, who=tokens) for _ in range(3)),
            office.ask("POST", f"/api/keys/{own.json()['id']}/rotate", rotate, who=tokens),
            office.ask("POST", f"/api/users/{bob}/disable", {}),
        )
        assert {each.status_code for each in answers} <= {200, 201, 401, 409}, [each.text for each in answers]
        async with database.transaction() as session:
            left = await session.execute(
                text(
                    "SELECT id FROM keys WHERE revoked_at IS NULL AND (service_account_id = :account"
                    " OR (created_by = :bob AND service_account_id IS NULL))"
                ),
                {"account": account["id"], "bob": bob},
            )
            assert left.all() == []
