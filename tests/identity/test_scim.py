"""SCIM 2.0: an organisation's identity provider keeps its people, and nothing of anybody else's."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from mercato.platform import Database
from tests.conftest import TestClock
from tests.identity.scim_provider import BOB, GROUP, USER, Provider, provider_of, refused, sign_in, switch
from tests.identity.test_sign_in import ACME, bearer


@pytest.fixture
async def provider(api: httpx.AsyncClient) -> Provider:
    return await provider_of(api)


async def test_a_person_is_made_found_changed_and_removed(provider: Provider) -> None:
    bob = await provider.add()
    assert bob["active"] is True
    assert bob["emails"] == [{"value": "bob@acme.example", "type": "work", "primary": True}]
    people = (await provider.api.get("/api/users", headers=bearer(provider.admin))).json()["items"]
    assert (bob["id"], "Bob Stone", "viewer") in [(each["id"], each["name"], each["role"]) for each in people]
    changed = await provider.ask(
        "PUT", f"Users/{bob['id']}", {"schemas": [USER], **BOB, "displayName": "Robert", "title": "kept nowhere"}
    )
    assert (changed.json()["displayName"], "title" in changed.json()) == ("Robert", False)
    assert (await provider.ask("DELETE", f"Users/{bob['id']}")).status_code == 204
    gone = await provider.ask("GET", f"Users/{bob['id']}")
    assert refused(gone) == (404, None, "not_found")
    assert await provider.find('userName eq "bob@acme.example"') == []


async def test_whoever_was_here_is_found_and_keeps_the_role_that_people_gave(provider: Provider) -> None:
    [admin] = await provider.find('userName eq "ADMIN@acme.example"')
    await provider.say(roles={"staff": "viewer"})
    answer = await provider.patch(f"Users/{admin}", {"op": "replace", "path": "externalId", "value": "a-1"})
    assert answer.json()["externalId"] == "a-1"
    await provider.group("staff", admin)
    assert await provider.role(admin) == "admin"
    # The address of an administrator would let the provider set their password.
    emails = [{"value": "other@acme.example"}]
    moved = await provider.patch(f"Users/{admin}", {"op": "replace", "path": "emails", "value": emails})
    assert refused(moved) == (403, None, "scim_administrator_kept")
    last = await provider.patch(f"Users/{admin}", {"op": "replace", "value": {"active": False}})
    assert refused(last) == (409, None, "last_administrator")
    assert refused(await provider.ask("DELETE", f"Users/{admin}")) == (409, None, "last_administrator")


async def test_deactivation_ends_sessions_and_keys_at_once(provider: Provider) -> None:
    api = provider.api
    vera = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "admin"}
    added = await api.post("/api/users", json=vera, headers=bearer(provider.admin))
    tokens = await sign_in(api, "vera@acme.example")
    key = await api.post("/api/keys", json={"kind": "ck", "name": "laptop"}, headers=bearer(tokens))
    shown = {"Authorization": f"Bearer {key.json()['key']}"}
    assert (await api.get("/api/me", headers=shown)).status_code == 200
    path = f"Users/{added.json()['id']}"
    # Entra writes the operation with a capital and the value as a text.
    answer = await provider.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert (await api.get("/api/me", headers=shown)).status_code == 401
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401
    again = await api.post("/api/sessions", json={"email": vera["email"], "password": ACME["password"]})
    assert again.status_code == 401
    answer = await provider.patch(path, {"op": "replace", "path": "active", "value": True})
    assert answer.json()["active"] is True
    # They sign in again; the key that was revoked stays so.
    await sign_in(api, "vera@acme.example")
    assert (await api.get("/api/me", headers=shown)).status_code == 401


async def test_whom_an_administrator_disabled_the_provider_does_not_enable(
    provider: Provider, clock: TestClock
) -> None:
    bob = await provider.add()
    answer = await provider.api.post(f"/api/users/{bob['id']}/disable", json={}, headers=bearer(provider.admin))
    assert answer.status_code == 200, answer.text
    path = f"Users/{bob['id']}"
    answer = await provider.patch(path, {"op": "replace", "path": "active", "value": True})
    assert answer.json()["active"] is False
    # Saying that they are disabled does not make it the provider's decision.
    clock.advance(timedelta(seconds=5))
    await provider.patch(path, {"op": "replace", "path": "displayName", "value": "B"}, {"op": "replace", "path": "active", "value": False})  # fmt: skip  # noqa: E501
    assert (await provider.patch(path, switch(active=True))).json()["active"] is False
    assert (await provider.ask("DELETE", path)).status_code == 204
    assert (await provider.add())["active"] is False


async def test_what_the_provider_disabled_it_enables_until_an_administrator_decides(
    provider: Provider, clock: TestClock
) -> None:
    bob = await provider.add()
    path, disable = f"Users/{bob['id']}", f"/api/users/{bob['id']}/disable"
    assert (await provider.patch(path, switch(active=False))).json()["active"] is False
    assert (await provider.patch(path, switch(active=True))).json()["active"] is True
    await provider.patch(path, switch(active=False))
    clock.advance(timedelta(seconds=5))
    # An administrator disables whom the provider disabled before: from now on it is their decision.
    for _ in range(2):
        answer = await provider.api.post(disable, json={}, headers=bearer(provider.admin))
        assert answer.status_code == 200, answer.text
    assert (await provider.patch(path, switch(active=True))).json()["active"] is False
    enabled = await provider.api.post(f"/api/users/{bob['id']}/enable", json={}, headers=bearer(provider.admin))
    assert enabled.status_code == 200, enabled.text
    assert (await provider.patch(path, switch(active=False))).json()["active"] is False
    assert (await provider.patch(path, switch(active=True))).json()["active"] is True


async def test_whoever_comes_back_is_the_same_person_with_the_role_of_new_people(provider: Provider) -> None:
    await provider.say(roles={"chiefs": "admin"})
    bob = await provider.add()
    await provider.group("chiefs", bob["id"])
    assert await provider.role(bob["id"]) == "admin"
    await provider.ask("DELETE", f"Users/{bob['id']}")
    again = await provider.add(externalId="b-8")
    assert (again["id"], again["externalId"], again.get("groups")) == (bob["id"], "b-8", None)
    assert await provider.role(bob["id"]) == "viewer"


async def test_groups_give_the_highest_role_and_take_it_again(provider: Provider) -> None:
    bob, ann = await provider.add(), await provider.add(userName="ann@acme.example", externalId="a-2")
    staff = await provider.group("staff", bob["id"], ann["id"])
    chiefs = await provider.group("chiefs")
    await provider.say(roles={"chiefs": "admin", "staff": "approver"})
    assert (await provider.role(bob["id"]), await provider.role(ann["id"])) == ("approver", "approver")
    await provider.patch(f"Groups/{chiefs['id']}", {"op": "add", "path": "members", "value": [{"value": bob["id"]}]})
    assert await provider.role(bob["id"]) == "admin"
    shown = (await provider.ask("GET", f"Users/{bob['id']}")).json()
    assert sorted(each["display"] for each in shown["groups"]) == ["chiefs", "staff"]
    left = f'members[value eq "{bob["id"]}"]'
    await provider.patch(f"Groups/{chiefs['id']}", {"op": "remove", "path": left})
    assert await provider.role(bob["id"]) == "approver"
    await provider.patch(f"Groups/{staff['id']}", {"op": "replace", "path": "displayName", "value": "people"})
    assert await provider.role(ann["id"]) == "viewer"
    await provider.say(roles={"people": "approver"})
    assert await provider.role(ann["id"]) == "approver"
    assert (await provider.ask("DELETE", f"Groups/{staff['id']}")).status_code == 204
    assert await provider.role(ann["id"]) == "viewer"


async def test_losing_a_role_signs_out(provider: Provider, database: Database) -> None:
    await provider.say(roles={"chiefs": "admin"})
    bob = await provider.add()
    chiefs = await provider.group("chiefs", bob["id"])
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = 'admin@acme.example') "
                "WHERE id = :id"
            ),
            {"id": bob["id"]},
        )
    tokens = await sign_in(provider.api, "bob@acme.example")
    await provider.patch(f"Groups/{chiefs['id']}", {"op": "remove", "path": "members"})
    assert await provider.role(bob["id"]) == "viewer"
    assert (await provider.api.get("/api/me", headers=bearer(tokens))).status_code == 401


@pytest.mark.parametrize(
    "search",
    [
        'userName eq "BOB@acme.example"', 'externalId eq "b-7"', 'name.familyName sw "sto"', 'displayName co "bob"',
        'emails.value eq "bob@acme.example"', 'emails[type eq "work" and value co "bob@"]',
        'emails.type eq "work" and externalId pr',
        'active eq true and not (userName sw "admin")', 'userName eq "x" or (externalId pr and active eq true)',
        'meta.created ge "2020-01-01T00:00:00Z" and externalId eq "b-7"', 'groups.display eq "staff"',
        'name.familyName ne "Rock" and externalId pr', 'emails[type eq "work"].value eq "bob@acme.example"',
        f'{USER}:userName eq "bob@acme.example"',
    ],
)  # fmt: skip
async def test_a_filter_finds_the_one_it_describes(provider: Provider, search: str) -> None:
    bob = await provider.add(displayName="Bob")
    await provider.group("staff", bob["id"])
    assert await provider.find(search) == [bob["id"]]


async def test_filters_find_groups_and_nothing_by_patterns_of_the_database(provider: Provider) -> None:
    bob = await provider.add()
    staff = await provider.group("staff", bob["id"])
    await provider.group("others")
    assert await provider.find('displayName eq "STAFF"', "Groups") == [staff["id"]]
    assert await provider.find(f'members.value eq "{bob["id"]}"', "Groups") == [staff["id"]]
    assert await provider.find('displayName co "%"', "Groups") == []
    assert await provider.find('userName sw "b_b"') == []
    assert await provider.find('userName eq "\' or 1=1 --"') == []


@pytest.mark.parametrize(
    ("search", "code"),
    [
        ("userName eq " + '"' + "a" * 1000 + '"', "scim_filter_refused"),
        ("(" * 60 + 'userName eq "a"' + ")" * 60, "scim_filter_refused"),
        (" or ".join(['id eq "a"'] * 31), "scim_filter_refused"),
        ("[" * 900, "scim_filter_refused"),
        ('userName eq "a" and', "scim_malformed"),
        ('password eq "a"', "scim_malformed"),
        ('meta.location eq "a"', "scim_filter_refused"),
        ('active gt true', "scim_malformed"),
        ('meta.created gt "yesterday"', "scim_malformed"),
    ],
)  # fmt: skip
async def test_filters_that_never_end_or_mean_nothing_are_refused(provider: Provider, search: str, code: str) -> None:
    answer = await provider.ask("GET", "Users", filter=search)
    assert refused(answer) == (400, "invalidFilter", code)


async def test_pages_follow_each_other(provider: Provider) -> None:
    known = [(await provider.add(userName=f"p{n}@acme.example", externalId=str(n)))["id"] for n in range(5)]
    seen = []
    for start in (1, 3, 5):
        page = (await provider.ask("GET", "Users", startIndex=str(start), count="2", attributes="userName")).json()
        assert (page["totalResults"], page["startIndex"]) == (6, start)
        assert all(set(each) == {"schemas", "id", "userName"} for each in page["Resources"])
        seen += [each["id"] for each in page["Resources"]]
    assert len(seen) == len(set(seen)) == 6
    assert set(known) < set(seen)
    none = (await provider.ask("GET", "Users", count="0")).json()
    assert (none["totalResults"], none.get("Resources", [])) == (6, [])


async def test_names_and_addresses_are_taken_once(provider: Provider) -> None:
    bob = await provider.add()
    taken = (409, "uniqueness", "scim_taken")
    assert refused(await provider.ask("POST", "Users", {"schemas": [USER], **BOB})) == taken
    other = await provider.add(userName="rob@acme.example")
    moved = await provider.patch(f"Users/{other['id']}", {"op": "replace", "path": "userName", "value": "Bob@acme.example"})  # fmt: skip  # noqa: E501
    assert refused(moved) == taken
    await provider.group("staff", bob["id"])
    assert refused(await provider.ask("POST", "Groups", {"schemas": [GROUP], "displayName": "Staff"})) == taken
    nobody = {"schemas": [USER], "userName": "bobby"}
    assert refused(await provider.ask("POST", "Users", nobody))[:2] == (400, "invalidValue")
    stranger = {"schemas": [GROUP], "displayName": "x", "members": [{"value": "usr_nobody"}]}
    assert refused(await provider.ask("POST", "Groups", stranger)) == (400, "invalidValue", "scim_member_unknown")
