"""An unmodified tester of SCIM walks our server through all that it says it can do."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from scim2_tester.utils import CheckResult

from tests.identity.scim_provider import Provider, provider_of
from tests.support.asgi import serve_app

httpx2 = pytest.importorskip("httpx2")


def _walk(address: str, token: str) -> list[CheckResult]:
    with httpx2.Client(
        base_url=f"{address}/scim/v2", headers={"Authorization": f"Bearer {token}"}, timeout=120
    ) as client:
        return check_server(SyncSCIMClient(client))


async def test_scim2_tester_finds_no_error(app: FastAPI, api: httpx.AsyncClient) -> None:
    provider: Provider = await provider_of(api)
    async with serve_app(app) as address:
        results = await asyncio.to_thread(_walk, address, provider.token)
    wrong = [f"{each.title}: {each.reason}" for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert not wrong, "\n".join(wrong)
    skipped = {each.title for each in results if each.status is Status.SKIPPED}
    assert skipped <= {"search_with_attributes"}
    assert len(results) > 30
