"""Single sign-on through a provider of our own, which is as good or as evil as each test asks for."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.platform import Database
from tests.conftest import People, TestClock
from tests.fakes.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    Mischief,
    serve_provider,
    sign,
    with_shared_secret,
    without_signature,
)
from tests.identity.test_memberships import invite, join, use
from tests.identity.test_scim import sign_up
from tests.identity.test_sign_in import ACME, bearer

BOB = {"sub": "bob-7", "email": "Bob@acme.example", "email_verified": True, "name": "Bob", "groups": ["staff"]}
PASSWORD = {"email": ACME["email"], "password": ACME["password"]}
Tokens = dict[str, str]


@pytest.fixture
def provider(clock: TestClock) -> Iterator[IdentityProvider]:
    with serve_provider(clock.now) as provider:
        provider.person = dict(BOB)
        yield provider


@pytest.fixture
async def admin(api: httpx.AsyncClient) -> Tokens:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await by_password(api, ACME["email"])


async def by_password(api: httpx.AsyncClient, email: str) -> Tokens:
    """The tokens of a person who signs in with their password."""
    answer = await api.post("/api/sessions", json={"email": email, "password": ACME["password"]})
    assert answer.status_code == 201, answer.text
    tokens: Tokens = answer.json()
    return tokens


class Office:
    """Acme, whose people sign in through the provider."""

    def __init__(self, api: httpx.AsyncClient, admin: Tokens, provider: IdentityProvider) -> None:
        self.api, self.admin, self.provider = api, admin, provider

    async def configure(self, status: int = 200, **settings: Any) -> httpx.Response:
        body = {"issuer": self.provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
        answer = await self.api.put("/api/sso", json=body, headers=bearer(self.admin))
        assert answer.status_code == status, answer.text
        return answer

    async def begin(self, path: str = "sign-ins", tokens: Tokens | None = None) -> dict[str, str]:
        body = {"organisation": "acme"} if tokens is None else None
        headers = {} if tokens is None else bearer(tokens)
        answer = await self.api.post(f"/api/sso/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        begun: dict[str, str] = answer.json()
        return begun

    async def finish(self, begun: dict[str, str], **changed: str | None) -> httpx.Response:
        answer = {**self.provider.visit(begun["authorization_url"]), "binding": begun["binding"], **changed}
        return await self.send(answer)

    async def send(self, answer: dict[str, Any]) -> httpx.Response:
        known = ("state", "code", "iss", "error", "binding")
        return await self.api.post("/api/sso/answers", json={name: answer[name] for name in known if name in answer})

    async def sign_in(self, **person: Any) -> httpx.Response:
        self.provider.person.update(person)
        return await self.finish(await self.begin())

    async def me(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        me = await self.api.get("/api/me", headers=bearer(answer.json()["session"]))
        assert me.status_code == 200
        body: dict[str, Any] = me.json()
        return body

    async def add(self, email: str, role: str = "viewer") -> str:
        body = {"email": email, "name": "Somebody", "password": ACME["password"], "role": role}
        added = await self.api.post("/api/users", json=body, headers=bearer(self.admin))
        assert added.status_code == 201, added.text
        return str(added.json()["id"])


@pytest.fixture
async def office(api: httpx.AsyncClient, admin: Tokens, provider: IdentityProvider) -> Office:
    office = Office(api, admin, provider)
    await office.configure(domains=["acme.example"], default_role="viewer")
    return office


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


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


async def test_an_answer_counts_once_soon_and_for_who_began(office: Office, clock: TestClock) -> None:
    begun = await office.begin()
    answer = {**office.provider.visit(begun["authorization_url"]), "binding": begun["binding"]}
    assert refusal(await office.send({**answer, "binding": "0" * 64})) == (401, "sso_sign_in_unknown")
    assert refusal(await office.send({**answer, "state": "0" * 64})) == (401, "sso_sign_in_unknown")
    assert (await office.send(answer)).status_code == 201
    assert refusal(await office.send(answer)) == (401, "sso_sign_in_unknown")
    late = await office.begin()
    clock.advance(timedelta(minutes=10))
    assert refusal(await office.finish(late)) == (401, "sso_sign_in_unknown")


async def test_of_many_with_the_same_answer_one_signs_in(office: Office) -> None:
    begun = await office.begin()
    answer = {**office.provider.visit(begun["authorization_url"]), "binding": begun["binding"]}
    statuses = sorted(each.status_code for each in await asyncio.gather(*(office.send(answer) for _ in range(8))))
    assert statuses == [201, *[401] * 7]


async def test_two_first_sign_ins_at_once_make_one_person(office: Office) -> None:
    begun = [await office.begin() for _ in range(4)]
    answers = await asyncio.gather(*(office.finish(each) for each in begun))
    assert len({(await office.me(answer))["actor"] for answer in answers}) == 1


async def test_a_code_of_another_sign_in_is_refused(office: Office) -> None:
    first, second = await office.begin(), await office.begin()
    stolen = office.provider.visit(first["authorization_url"])["code"]
    assert refusal(await office.finish(second, code=stolen)) == (401, "sso_token_refused")


async def test_a_person_who_is_denied_is_told_so(office: Office) -> None:
    begun = await office.begin()
    office.provider.mischief.answer = {"code": None, "error": "access_denied"}
    answer = await office.finish(begun)
    assert refusal(answer) == (401, "sso_denied")
    assert answer.json()["detail"] == "The provider answered: access_denied."


PROOFS_THAT_DO_NOT_FIT = [
    (Mischief(claims={"nonce": "0" * 64}), "nonce"),
    (Mischief(claims={"nonce": None}), "nonce"),
    (Mischief(claims={"iss": "https://accounts.example"}), "iss"),
    (Mischief(claims={"aud": "another"}), "aud"),
    (Mischief(claims={"aud": [CLIENT_ID, "another"]}), "azp"),
    (Mischief(claims={"azp": "another"}), "azp"),
    (Mischief(claims={"exp": 1}), "exp"),
    (Mischief(claims={"exp": None}), "exp"),
    (Mischief(claims={"exp": "soon"}), "exp"),
    (Mischief(claims={"iat": 99_999_999_999}), "iat"),
    (Mischief(claims={"nbf": 99_999_999_999}), "nbf"),
    (Mischief(claims={"sub": None}), "sub"),
    (Mischief(claims={"sub": ""}), "sub"),
    (Mischief(claims={"sub": "x" * 256}), "subject"),
    (Mischief(claims={"sub": 7}), "sub"),
    (Mischief(claims={"sub": "bob\0"}), "subject"),
    (Mischief(claims={"at_hash": "AAAA"}), "at_hash"),
    (Mischief(sign=without_signature), "not valid"),
    (Mischief(sign=with_shared_secret), "not valid"),
    (Mischief(sign=lambda provider, claims: "not.a.token"), "not valid"),
    (Mischief(answer={"iss": "https://accounts.example"}), "another provider"),
    (Mischief(answer={"iss": None}), "does not say"),
    (Mischief(userinfo={"sub": "somebody else"}), "somebody else"),
]


async def test_a_proof_that_does_not_fit_is_refused(office: Office) -> None:
    office.provider.person.pop("groups")
    for mischief, said in PROOFS_THAT_DO_NOT_FIT:
        if mischief.userinfo is not None:
            office.provider.mischief = mischief
            await office.configure(domains=["acme.example"], default_role="viewer")
        begun = await office.begin()
        office.provider.mischief = mischief
        answer = await office.finish(begun)
        assert refusal(answer) == (401, "sso_token_refused"), mischief
        assert said in answer.json()["detail"], mischief
    # What did not fit signed nobody in and took nobody's place.
    office.provider.mischief = Mischief()
    await office.configure(domains=["acme.example"], default_role="viewer")
    assert (await office.sign_in()).status_code == 201


async def test_a_minute_between_two_clocks_is_forgiven(office: Office, clock: TestClock) -> None:
    now = int(clock.now().timestamp())
    office.provider.mischief.claims = {"iat": now + 50, "exp": now - 50}
    assert (await office.sign_in()).status_code == 201
    office.provider.mischief.claims = {"exp": now - 61}
    assert refusal(await office.sign_in()) == (401, "sso_token_refused")


async def test_a_key_that_is_not_known_is_looked_for_once(office: Office) -> None:
    await office.sign_in()
    for kind in ("EC", "OKP", "RSA"):
        office.provider.rotate(kind)
        office.provider.asked.clear()
        assert (await office.sign_in()).status_code == 201
        assert office.provider.asked.count("/keys") == 1
        assert (await office.sign_in()).status_code == 201
        assert office.provider.asked.count("/keys") == 1
    stranger = office.provider.make_key("RSA", "never published")
    office.provider.mischief.sign = lambda provider, claims: sign(stranger, claims)
    assert refusal(await office.sign_in()) == (401, "sso_token_refused")
    assert office.provider.asked.count("/keys") == 2


async def test_a_forged_signature_under_a_known_name_is_refused(office: Office) -> None:
    forger = office.provider.make_key("RSA", str(office.provider.keys[0].kid))
    office.provider.mischief.sign = lambda provider, claims: sign(forger, claims)
    assert refusal(await office.sign_in()) == (401, "sso_token_refused")


async def test_groups_and_address_may_stand_in_user_info(office: Office) -> None:
    office.provider.mischief.userinfo = {**BOB, "groups": ["board"]}
    office.provider.person = {"sub": BOB["sub"]}
    await office.configure(domains=["acme.example"], roles={"board": "approver"})
    assert (await office.me(await office.sign_in()))["role"] == "approver"


async def test_an_address_is_verified_only_by_what_names_it(office: Office) -> None:
    office.provider.mischief.userinfo = {"sub": BOB["sub"], "email": "x@acme.example", "email_verified": True}
    office.provider.person = {"sub": BOB["sub"], "email": "bob@acme.example"}
    await office.configure(domains=["acme.example"], default_role="viewer")
    assert refusal(await office.sign_in()) == (403, "sso_email_unverified")


async def test_a_proof_is_renewed_at_the_provider(office: Office, clock: TestClock) -> None:
    mine = (await office.sign_in()).json()["session"]
    clock.advance(timedelta(minutes=12))
    refused = await office.api.post("/api/sso/links", headers=bearer(mine))
    assert refusal(refused) == (403, "step_up_needed")
    begun = await office.begin("proofs", mine)
    assert dict(httpx.URL(begun["authorization_url"]).params).items() >= {"prompt": "login", "max_age": "0"}.items()
    assert (await office.finish(begun)).json() == {"purpose": "proof", "session": None}
    assert (await office.api.post("/api/sso/links", headers=bearer(mine))).status_code == 201


async def test_whoever_acts_elsewhere_proves_themselves_at_their_own_provider(office: Office, clock: TestClock) -> None:
    mine, boss = (await office.sign_in()).json()["session"], await sign_up(office.api, "globex")
    joined = await join(office.api, mine, await invite(office.api, boss, "bob@acme.example"))
    assert joined.status_code == 201, joined.text
    await use(office.api, mine, "globex")
    clock.advance(timedelta(minutes=12))
    assert (await office.finish(await office.begin("proofs", mine))).json() == {"purpose": "proof", "session": None}
    # The other organisation's own people have no provider.
    clock.advance(timedelta(seconds=1))
    theirs = await office.api.post("/api/sso/proofs", headers=bearer(boss))
    assert theirs.status_code == 404, theirs.text


async def test_a_proof_without_a_new_sign_in_is_refused(office: Office) -> None:
    mine = (await office.sign_in()).json()["session"]
    for expected in (None, 1_000):
        begun = await office.begin("proofs", mine)
        office.provider.mischief.claims = {"auth_time": expected}
        assert refusal(await office.finish(begun)) == (401, "sso_token_refused")


async def test_a_proof_of_somebody_else_is_refused(office: Office) -> None:
    mine = (await office.sign_in()).json()["session"]
    begun = await office.begin("proofs", mine)
    office.provider.person = {**BOB, "sub": "carol", "email": "carol@acme.example"}
    assert refusal(await office.finish(begun)) == (401, "sso_token_refused")


async def test_a_sign_in_that_the_provider_remembered_is_no_fresh_proof(office: Office, clock: TestClock) -> None:
    await office.configure(roles={"board": "admin"}, domains=["acme.example"])
    office.provider.mischief.claims = {"auth_time": int((clock.now() - timedelta(hours=3)).timestamp())}
    mine = (await office.sign_in(groups=["board"])).json()["session"]
    refused = await office.api.put("/api/sso/passwords", json={"allowed": False}, headers=bearer(mine))
    assert refusal(refused) == (403, "step_up_needed")


async def test_answers_that_never_end_lead_elsewhere_or_say_nothing_are_refused(office: Office) -> None:
    for trick in ("redirects", "huge", "nonsense"):
        for path in ("/keys", "/token", "/.well-known/openid-configuration"):
            await office.configure(domains=["acme.example"], default_role="viewer")
            if path == "/keys":
                office.provider.rotate()
            setattr(office.provider.mischief, trick, {path})
            if path.startswith("/.well-known"):
                answer = await office.configure(502)
            else:
                answer = await office.sign_in()
            assert refusal(answer) == (502, "sso_provider_failed"), (trick, path)
            office.provider.mischief = Mischief()


async def test_a_discovery_document_that_lies_is_refused(office: Office) -> None:
    for said, status in (
        ({"issuer": "https://accounts.example"}, 502),
        ({"issuer": None}, 502),
        ({"token_endpoint": None}, 502),
        ({"jwks_uri": ["x"]}, 502),
        ({"authorization_endpoint": "javascript:alert(1)"}, 422),
        ({"token_endpoint": "file:///etc/passwd"}, 422),
    ):
        office.provider.mischief.metadata = said
        await office.configure(status)


async def test_addresses_that_no_provider_has_are_refused(office: Office) -> None:
    for issuer in (
        "http://169.254.169.254",
        "http://127.0.0.1:6379",
        "http://user:word@127.0.0.1",
        "http://0x7f000001",
        "http://[::ffff:169.254.169.254]",
    ):
        assert refusal(await office.configure(422, issuer=issuer)) == (422, "sso_address_refused")


async def test_the_keys_of_a_provider_are_not_fetched_from_inside(office: Office, api: httpx.AsyncClient) -> None:
    office.provider.mischief.metadata = {"jwks_uri": "http://169.254.169.254/latest"}
    await office.configure()
    assert refusal(await office.sign_in()) == (422, "sso_address_refused")
