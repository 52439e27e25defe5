"""What comes back from an identity provider counts once, and for nobody and nothing else, however it was bent."""

import asyncio
from datetime import timedelta

import httpx

from tests.conftest import TestClock
from tests.fakes.identity_provider import (
    CLIENT_ID,
    Mischief,
    sign,
    with_shared_secret,
    without_signature,
)
from tests.identity.office import BOB, Office, admin, office, provider, refusal
from tests.identity.scim_provider import sign_up
from tests.identity.test_memberships import invite, join, use
from tests.identity.test_sign_in import bearer

__all__ = ["admin", "office", "provider"]


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
    for mischief, reason in PROOFS_THAT_DO_NOT_FIT:
        if mischief.userinfo is not None:
            office.provider.mischief = mischief
            await office.configure(domains=["acme.example"], default_role="viewer")
        begun = await office.begin()
        office.provider.mischief = mischief
        answer = await office.finish(begun)
        assert refusal(answer) == (401, "sso_token_refused"), mischief
        assert reason in answer.json()["detail"], mischief
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
    for metadata, status in (
        ({"issuer": "https://accounts.example"}, 502),
        ({"issuer": None}, 502),
        ({"token_endpoint": None}, 502),
        ({"jwks_uri": ["x"]}, 502),
        ({"authorization_endpoint": "javascript:alert(1)"}, 422),
        ({"token_endpoint": "file:///etc/passwd"}, 422),
    ):
        office.provider.mischief.metadata = metadata
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
