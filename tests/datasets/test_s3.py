"""A marketplace whose files are in a bucket: the same rounds, and links that S3 itself signs and serves."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mercato.adapters.objects_s3 import S3Objects
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from tests.conftest import People
from tests.datasets.conftest import DataRoom
from tests.datasets.test_api import sign_in
from tests.support.seaweed import BUCKET, S3Server, serve_s3


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The S3 server of this module."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def settings(s3_server: S3Server, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Files in the bucket; credentials from where every S3 tool takes them."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return Settings(
        state=tmp_path / "state",
        DATABASE_URL=database_url,
        objects_url=f"s3://{BUCKET}/market/one/",
        s3_endpoint=s3_server.endpoint,
    )


async def test_a_vendor_pulls_from_the_bucket_and_the_marketplace_serves_no_file(
    settings: Settings, database_url: str, room: DataRoom, people: People, s3_server: S3Server
) -> None:
    wiring = build_wiring(settings, database_url, room.clock)
    assert isinstance(wiring.objects, S3Objects)
    room.store = wiring.objects
    await room.build()
    opened = await room.open()
    acme = await people.join("acme")
    app = create_app(wiring, list(ROLES))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test", timeout=60) as api:
            headers = await sign_in(api, acme)
            grant = (await api.get(f"/api/rounds/{opened.id}/files/live.parquet", headers=headers)).json()
            own = f"/api/objects/rounds/{opened.id}/live.parquet?expires=99999999999&signature={'0' * 64}"
            assert (await api.get(own)).json()["code"] == "object_not_found"
    assert grant["url"].startswith(f"{s3_server.endpoint}/{BUCKET}/market/one/rounds/")
    assert s3_server.secret_key not in grant["url"]
    async with httpx.AsyncClient(timeout=60) as web:
        content = (await web.get(grant["url"])).content
        assert hashlib.sha256(content).hexdigest() == grant["sha256"]
        rest = await web.get(grant["url"], headers={"range": "bytes=100-"})
        assert (rest.status_code, rest.content) == (206, content[100:])
        targets = grant["url"].replace("live.parquet", "targets.parquet")
        assert (await web.get(targets)).status_code == 403


@pytest.mark.parametrize("url", ["s3://", "s3://UPPER/x", "http://bucket", "s3://bucket/../x", "s3://bucket//x"])
def test_what_is_no_bucket_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="objects_url"):
        Settings(objects_url=url)
