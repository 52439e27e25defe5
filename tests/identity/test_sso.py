"""Single sign-on through a provider of our own, which is as good or as evil as each test asks for."""

from datetime import timedelta

import httpx
from sqlalchemy import text

from mercato.platform import Database
from tests.conftest import People, TestClock
from tests.fakes.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
)
from tests.identity.office import PASSWORD, Office, admin, by_password, office, provider, refusal
from tests.identity.test_sign_in import ACME, bearer

__all__ = ["admin", "office", "provider"]


async def test_somebody_of_the_organisations_domain_joins_and_comes_back(office: Office) -> None:
    first = await office.me(await office.sign_in())
    assert (first["organisation"], first["role"]) == ("acme", "viewer")
    # The address at the provider changed; the account is the subject.
    again = await office.me(await office.sign_in(email="robert@elsewhere.example", email_verified=False))
    assert again["actor"] == first["actor"]
    accounts = (await office.api.get("/api/sso/accounts", headers=bearer(office.admin))).json()["items"]
    assert [(each["user_id"], each["email"], each["subject"]) for each in accounts] == [
        (first["actor"], "bob@acme.example", "bob-7")
    ]


async def test_the_way_to_the_provider_has_everything_that_protects_it(office: Office) -> None:
    url = httpx.URL((await office.begin())["authorization_url"])
    query = dict(url.params)
    assert str(url).startswith(f"{office.provider.issuer}/auth?tenant=1&")
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["scope"] == "openid email profile"
    assert query["redirect_uri"].endswith("/sso/callback")
    assert len(query["state"]) == len(query["nonce"]) == 64
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3


async def test_the_settings_are_shown_without_the_secret_and_kept_without_it(
    office: Office, database: Database
) -> None:
    shown = await office.api.get("/api/sso", headers=bearer(office.admin))
    assert shown.json()["redirect_uri"].endswith("/sso/callback")
    assert CLIENT_SECRET not in shown.text
    async with database.transaction() as session:
        row = (await session.execute(text("SELECT sso_providers::text FROM sso_providers"))).scalar_one()
        news = (
            await session.execute(text("SELECT string_agg(outbox_events::text, '') FROM outbox_events"))
        ).scalar_one()
    assert CLIENT_SECRET not in row + news
    assert CLIENT_SECRET.encode().hex() not in row
    # The secret that is kept stays where none is sent, but not for another client.
    await office.configure(client_secret=None)
    assert refusal(await office.configure(422, client_secret=None, client_id="other")) == (422, "malformed_request")


async def test_whoever_was_invited_joins_with_the_role_of_the_invitation(office: Office) -> None:
    await office.configure(default_role=None, domains=[])
    assert refusal(await office.sign_in()) == (403, "sso_not_invited")
    invited = {"email": "bob@acme.example", "role": "approver"}
    await office.api.post("/api/invitations", json=invited, headers=bearer(office.admin))
    assert (await office.me(await office.sign_in()))["role"] == "approver"
    states = await office.api.get("/api/invitations", headers=bearer(office.admin))
    assert [each["state"] for each in states.json()["items"]] == ["accepted"]


async def test_an_invitation_to_administer_is_not_accepted_by_mail_alone(office: Office) -> None:
    invited = {"email": "bob@acme.example", "role": "admin"}
    await office.api.post("/api/invitations", json=invited, headers=bearer(office.admin))
    assert refusal(await office.sign_in()) == (403, "sso_administrator")


async def test_a_verified_address_links_a_colleague_once(office: Office) -> None:
    user = await office.add("bob@acme.example")
    assert (await office.me(await office.sign_in()))["actor"] == user
    # Another subject with the same address does not take the account over.
    assert refusal(await office.sign_in(sub="mallory-1")) == (403, "sso_address_taken")
    unlinked = await office.api.delete(f"/api/users/{user}/sso-account", headers=bearer(office.admin))
    assert unlinked.status_code == 204
    assert (await office.me(await office.sign_in()))["actor"] == user


async def test_a_name_is_kept_as_far_as_it_can_be_shown(office: Office) -> None:
    await office.me(await office.sign_in(name="Bo\0b\n\ud800 " + "x" * 500))
    accounts = (await office.api.get("/api/sso/accounts", headers=bearer(office.admin))).json()["items"]
    assert accounts[0]["name"] == "Bob " + "x" * 116


async def test_an_address_that_is_not_called_verified_links_nobody(office: Office) -> None:
    await office.add("bob@acme.example")
    for address in (
        "bob\0@acme.example",
        "bob@acme.example\ud800",
        "bob",
        "@acme.example",
        "a@b@acme.example",
        7,
        None,
    ):
        assert refusal(await office.sign_in(email=address)) == (403, "sso_email_unverified")
    office.provider.person["email"] = "bob@acme.example"
    for verified in (False, None, "true", 1):
        assert refusal(await office.sign_in(email_verified=verified)) == (403, "sso_email_unverified")


async def test_an_administrators_address_links_nobody(office: Office) -> None:
    assert refusal(await office.sign_in(email=ACME["email"])) == (403, "sso_administrator")


async def test_a_provider_speaks_for_its_own_organisation_only(
    office: Office, people: People, provider: IdentityProvider
) -> None:
    await people.join("globex")
    await office.configure(domains=[])
    assert refusal(await office.sign_in(email="globex@example.org")) == (403, "sso_address_taken")
    other = await by_password(office.api, "globex@example.org")
    foreign = Office(office.api, other, provider)
    await office.configure(domains=["acme.example"], default_role="viewer")
    await office.me(await office.sign_in(email="bob@acme.example"))
    await foreign.configure(domains=["acme.example"], default_role="admin")
    begun = await office.api.post("/api/sso/sign-ins", json={"organisation": "globex"})
    assert refusal(await foreign.finish(begun.json())) == (403, "sso_address_taken")


async def test_addresses_outside_of_the_domains_are_not_linked(office: Office) -> None:
    await office.add("bob@other.example")
    assert refusal(await office.sign_in(email="bob@other.example")) == (403, "sso_domain_refused")
    assert refusal(await office.sign_in(email="bob@acme.example.evil.example")) == (403, "sso_not_invited")


async def test_an_administrator_links_their_own_account(office: Office) -> None:
    second = await office.add("eve@acme.example", "admin")
    begun = await office.begin("links", office.admin)
    office.provider.person["email"] = "not looked at"
    linked = await office.finish(begun)
    assert linked.json() == {"purpose": "link", "session": None}
    me = await office.me(await office.sign_in())
    assert (me["role"], me["actor"] != second) == ("admin", True)
    # The subject is bound: nobody else can have it.
    eve = await by_password(office.api, "eve@acme.example")
    assert refusal(await office.finish(await office.begin("links", eve))) == (409, "sso_already_linked")


async def test_one_administrator_always_has_a_way_in_without_the_provider(office: Office) -> None:
    assert refusal(await office.finish(await office.begin("links", office.admin))) == (409, "last_administrator")
    second = await office.add("eve@acme.example", "admin")
    assert (await office.finish(await office.begin("links", office.admin))).status_code == 201
    path = f"/api/users/{second}/role"
    eve = await office.api.put(path, json={"role": "viewer"}, headers=bearer(office.admin))
    assert refusal(eve) == (409, "last_administrator")


async def test_groups_give_the_highest_role_and_losing_it_ends_sessions(office: Office) -> None:
    await office.configure(roles={"staff": "viewer", "leads": "approver", "board": "admin"}, domains=["acme.example"])
    first = await office.sign_in(groups=["staff", "leads", "other"])
    assert (await office.me(first))["role"] == "approver"
    same = await office.sign_in(groups=["leads"])
    assert (await office.me(same))["actor"] == (await office.me(first))["actor"]
    lower = await office.sign_in(groups=["staff"])
    assert (await office.me(lower))["role"] == "viewer"
    for ended in (first, same):
        gone = await office.api.get("/api/me", headers=bearer(ended.json()["session"]))
        assert refusal(gone) == (401, "not_signed_in")
    assert (await office.me(await office.sign_in(groups=["board"])))["role"] == "admin"


async def test_losing_every_group_ends_sessions_and_keys_until_a_group_is_back(office: Office) -> None:
    await office.configure(roles={"staff": "viewer", "board": "admin"}, domains=["acme.example"])
    signed_in = (await office.sign_in(groups=["board"])).json()["session"]
    key = await office.api.post("/api/keys", json={"kind": "ck", "name": "own"}, headers=bearer(signed_in))
    assert refusal(await office.sign_in(groups=["cleaners"])) == (403, "sso_no_role")
    assert (await office.api.get("/api/me", headers=bearer(signed_in))).status_code == 401
    by_key = await office.api.get("/api/me", headers={"authorization": f"Bearer {key.json()['key']}"})
    assert by_key.status_code == 401
    back = await office.me(await office.sign_in(groups=["staff"]))
    assert back["role"] == "viewer"
    # Whom an administrator disabled stays out, whatever the groups say.
    path = f"/api/users/{back['actor']}/disable"
    assert (await office.api.post(path, json={}, headers=bearer(office.admin))).status_code == 200
    assert refusal(await office.sign_in(groups=["board"])) == (403, "person_disabled")


async def test_passwords_are_switched_off_once_the_provider_has_worked(office: Office) -> None:
    await office.add("vera@acme.example")
    off = {"allowed": False}
    early = await office.api.put("/api/sso/passwords", json=off, headers=bearer(office.admin))
    assert refusal(early) == (409, "sso_not_proven_yet")
    await office.sign_in()
    late = await office.api.put("/api/sso/passwords", json=off, headers=bearer(office.admin))
    assert late.json()["passwords"] is False
    refused = await office.api.post("/api/sessions", json={**PASSWORD, "email": "vera@acme.example"})
    assert refusal(refused) == (403, "password_sign_in_off")
    # The administrator who is bound to no account keeps the way in.
    assert (await office.api.post("/api/sessions", json=PASSWORD)).status_code == 201
    # With another client nobody is locked out by what was never seen to work.
    await office.configure(client_id="other")
    again = await office.api.post("/api/sessions", json={**PASSWORD, "email": "vera@acme.example"})
    assert again.status_code == 201


async def test_people_without_a_password_cannot_sign_in_with_any(office: Office) -> None:
    await office.sign_in()
    for guess in ("decoy", "!", "none", ""):
        answer = await office.api.post("/api/sessions", json={"email": "bob@acme.example", "password": guess})
        assert answer.status_code == 401


async def test_setting_up_a_provider_needs_a_recent_proof_and_the_right(office: Office, clock: TestClock) -> None:
    await office.add("vera@acme.example")
    vera = await by_password(office.api, "vera@acme.example")
    body = {"issuer": office.provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    assert refusal(await office.api.put("/api/sso", json=body, headers=bearer(vera))) == (403, "not_allowed")
    clock.advance(timedelta(minutes=11))
    for call in (
        office.api.put("/api/sso", json=body, headers=bearer(office.admin)),
        office.api.delete("/api/sso", headers=bearer(office.admin)),
        office.api.put("/api/sso/passwords", json={"allowed": False}, headers=bearer(office.admin)),
        office.api.post("/api/sso/links", headers=bearer(office.admin)),
    ):
        assert refusal(await call) == (403, "step_up_needed")


async def test_a_removed_provider_signs_nobody_in(office: Office) -> None:
    begun = await office.begin()
    assert (await office.api.delete("/api/sso", headers=bearer(office.admin))).status_code == 204
    assert refusal(await office.finish(begun)) == (401, "sso_sign_in_unknown")
    gone = await office.api.post("/api/sso/sign-ins", json={"organisation": "acme"})
    assert refusal(gone) == (404, "sso_not_configured")
    unknown = await office.api.post("/api/sso/sign-ins", json={"organisation": "nobody"})
    assert refusal(unknown) == (404, "sso_not_configured")
