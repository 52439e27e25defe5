"""A reason that is too long, or for something that is over, is on the page again and nothing was done."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy import text

from mercato.consumption import DisputeReview
from mercato.platform import Database
from tests.browser.scenery import Scenery
from tests.console.browser import browser_of, sign_in
from tests.support.site import build_site, own_database

_LONG = "because " * 400


@pytest.fixture(scope="module")
def place_database(postgres: str, migrated_template: str) -> Iterator[str]:
    with own_database(postgres, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
async def scenery(place_database: str) -> Scenery:
    """With a service that is under review, and a canary that runs."""
    found = await Scenery.furnish(place_database, "pages", hostile=False, operator=True)
    database = Database(place_database)
    async with database.transaction() as session:
        service, vendor, at = (
            await session.execute(
                text("SELECT id, vendor_id, created_at FROM services WHERE name = 'embedder' LIMIT 1")
            )
        ).one()
        session.add(
            DisputeReview(id="drv_1", service_id=service, vendor_id=vendor, day=at.date(), calls=30, opened_at=at)
        )
        running = "state = 'running', reason = '', ended_at = NULL, ended_by = ''"
        await session.execute(text(f"UPDATE canaries SET {running}"))
    await database.close()
    return found


@pytest.fixture(scope="module")
async def people(
    place_database: str, scenery: Scenery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """The operator and the vendor, each at a browser."""
    app = build_site(tmp_path_factory.mktemp("place"), place_database)
    async with app.router.lifespan_context(app), browser_of(app) as operator, browser_of(app) as vendor:
        await sign_in(operator, "operator")
        await sign_in(vendor, "pages")
        yield {"operator": operator, "vendor": vendor}


async def _is_kept(browser: httpx.AsyncClient, path: str, kept: int, **form: str) -> None:
    answer = await browser.post(path, data={"reason": _LONG, **form})
    assert 400 <= answer.status_code < 500, answer.text
    assert 'role="alert"' in answer.text
    assert f'value="{_LONG.strip()[:kept]}"' in answer.text


async def test_of_a_review(people: dict[str, httpx.AsyncClient]) -> None:
    await _is_kept(people["operator"], "/ops/disputes/drv_1", 500, verdict="hold")
    assert ">open</span>" in (await people["operator"].get("/ops/disputes")).text


async def test_of_a_dispute(people: dict[str, httpx.AsyncClient], scenery: Scenery) -> None:
    where = f"/disputes/{scenery.own['dispute_id']}"
    await _is_kept(people["operator"], f"{where}/decision", 2_000, verdict="upheld")
    answer = await people["vendor"].post(f"{where}/answer", data={"words": "no", "give_back": "true"})
    assert (answer.status_code, ">no</textarea>" in answer.text) == (422, True)
    assert 'class="chip warn">open' in (await people["operator"].get(where)).text


async def test_of_a_switch_that_is_lifted(people: dict[str, httpx.AsyncClient]) -> None:
    operator = people["operator"]
    assert (await operator.post("/desk/switches", data={"scope": "all", "reason": "a drill"})).status_code == 303
    found = (await operator.get("/desk/switches")).text.partition("/desk/switches/kil_")[2].partition("/lift")[0]
    assert found
    await _is_kept(operator, f"/desk/switches/kil_{found}/lift", 500)
    lifted = await operator.post(f"/desk/switches/kil_{found}/lift", data={"reason": "it is over"})
    assert lifted.status_code == 303


async def test_of_a_view(people: dict[str, httpx.AsyncClient], scenery: Scenery) -> None:
    person = scenery.customer.caller.actor
    await _is_kept(people["operator"], f"/ops/view-as/{person}", 500)
    assert "You read" not in (await people["operator"].get("/ops")).text


async def test_of_a_canary_that_is_ended(people: dict[str, httpx.AsyncClient]) -> None:
    await _is_kept(people["vendor"], "/vendor/canaries/embedder/abort", 2_000)
