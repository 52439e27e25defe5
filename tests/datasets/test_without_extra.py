"""A server without the desk's libraries starts, serves the rest, and says what to install."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import People

pytestmark = pytest.mark.slow

_SERVE = """
import sys
for name in ("pyarrow", "pandas", "sklearn", "lightgbm", "skfolio", "matplotlib", "scipy"):
    sys.modules[name] = None  # as if it were not installed
import asyncio, json, httpx
from pathlib import Path
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings

async def main(url, folder):
    settings = Settings(state=Path(folder), DATABASE_URL=url)
    app = create_app(build_wiring(settings, url), list(ROLES))
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://m", timeout=60) as api:
            sign = {"email": "operator@example.org", "password": "correct horse battery"}
            token = (await api.post("/api/sessions", json=sign)).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            built = await api.post("/api/datasets", json={}, headers=headers)
            listed = await api.get("/api/datasets", headers=headers)
            print(json.dumps([built.status_code, built.json(), listed.json()]))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_it_refuses_the_desks_routes_with_a_code(people: People, database_url: str, tmp_path: Path) -> None:
    await people.operator()
    done = subprocess.run(
        [sys.executable, "-c", _SERVE, database_url, str(tmp_path)],
        env=os.environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    status, built, listed = json.loads(done.stdout.splitlines()[-1])
    assert (status, built["code"], built["facts"]) == (501, "desk_not_installed", {"package": "pyarrow"})
    assert "mercato-server[desk]" in built["fix"]
    assert listed == {"items": []}
