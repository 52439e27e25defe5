"""No directory takes over the account of somebody who belongs to another organisation too."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.platform import Database
from tests.identity.office import Office, admin, office, provider, refusal
from tests.identity.scim_provider import Provider, provider_of, refused, sign_in, sign_up
from tests.identity.test_memberships import invite, join, use
from tests.identity.test_sign_in import ACME, bearer
from tests.support.waiting import until

__all__ = ["admin", "office", "provider"]
VERA = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "viewer"}
EVIL = {"op": "replace", "path": "emails", "value": [{"value": "evil@attacker.example", "primary": True}]}


async def hire_vera(api: httpx.AsyncClient, boss: dict[str, str]) -> tuple[str, dict[str, str]]:
    """A viewer of acme: the id, and the tokens of her session."""
    added = await api.post("/api/users", json=VERA, headers=bearer(boss))
    assert added.status_code == 201, added.text
    return added.json()["id"], await sign_in(api, VERA["email"])


async def make_admin_of_globex(api: httpx.AsyncClient, vera: dict[str, str]) -> dict[str, str]:
    """The tokens of the person who invited her."""
    boss = await sign_up(api, "globex")
    joined = await join(api, vera, await invite(api, boss, VERA["email"]))
    assert joined.status_code == 201, joined.text
    return boss


async def test_a_directory_moves_nobody_who_belongs_to_another_organisation(api: httpx.AsyncClient) -> None:
    acme = await provider_of(api)
    vera, tokens = await hire_vera(api, acme.admin)
    boss = await make_admin_of_globex(api, tokens)
    kept = (403, None, "scim_member_kept")
    assert refused(await acme.patch(f"Users/{vera}", EVIL)) == kept
    known = (await acme.ask("GET", f"Users/{vera}")).json()
    emails = [{"value": "evil@attacker.example", "primary": True}]
    assert refused(await acme.ask("PUT", f"Users/{vera}", {**known, "emails": emails})) == kept
    assert (await use(api, await sign_in(api, VERA["email"]), "globex")).status_code == 200
    # What hands nothing over is still the directory's: her name, and whether she may sign in.
    renamed = await acme.patch(f"Users/{vera}", {"op": "replace", "path": "displayName", "value": "Vera V."})
    assert renamed.status_code == 200, renamed.text
    # Once she has left the other organisation, her own one leads her address again.
    assert (await api.delete(f"/api/members/{vera}", headers=bearer(boss))).status_code == 204
    moved = await acme.patch(f"Users/{vera}", EVIL)
    assert moved.status_code == 200, moved.text


async def test_whoever_is_moved_at_this_moment_joins_nobody(api: httpx.AsyncClient, database: Database) -> None:
    acme = await provider_of(api)
    vera, tokens = await hire_vera(api, acme.admin)
    token = await invite(api, await sign_up(api, "globex"), VERA["email"])
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    async def is_waiting() -> bool:
        async with database.transaction() as other:
            return bool(await other.scalar(waits))

    async with database.transaction() as session:
        moving = text("UPDATE users SET email = 'evil@attacker.example' WHERE id = :id")
        await session.execute(moving, {"id": vera})
        joining = asyncio.create_task(join(api, tokens, token))
        await until(is_waiting)
    assert (await joining).json()["code"] == "not_allowed"


async def test_a_provider_links_nobody_who_belongs_to_another_organisation_by_mail(office: Office) -> None:
    api = office.api
    vera, tokens = await hire_vera(api, office.admin)
    await make_admin_of_globex(api, tokens)
    answer: dict[str, Any] = {"sub": "vera-1", "email": VERA["email"]}
    assert refusal(await office.sign_in(**answer)) == (403, "sso_member_elsewhere")
    # She links the account herself, and the provider signs her in from then on.
    linked = await office.finish(await office.begin("links", tokens))
    assert linked.status_code == 201, linked.text
    assert (await office.me(await office.sign_in(**answer)))["actor"] == vera


@pytest.mark.parametrize("path", ["role", "disable", "enable"])
async def test_another_organisation_changes_nobody_who_is_only_its_member(api: httpx.AsyncClient, path: str) -> None:
    acme: Provider = await provider_of(api)
    vera, tokens = await hire_vera(api, acme.admin)
    boss = await make_admin_of_globex(api, tokens)
    body = {"role": "viewer"} if path == "role" else {}
    verb = api.put if path == "role" else api.post
    answer = await verb(f"/api/users/{vera}/{path}", json=body, headers=bearer(boss))
    assert answer.status_code == 404, answer.text
