"""The vendor's pages over HTTP, as a browser without scripts uses them: what they show, to whom, and what forms do."""

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

import mercato_cli
from mercato.console.vendor.hyper_parameters import TEMPLATE
from mercato.edge.wiring import running_of
from tests.browser.scenery import Scenery
from tests.console.browser import OWN, browser_of, once_in, sign_in
from tests.support.site import build_site, own_database
from tests.support.statements import counted

LISTS = (
    "/vendor", "/vendor/services", "/vendor/publish", "/vendor/submissions", "/vendor/deployments", "/vendor/canaries",
    "/vendor/credentials", "/vendor/training", "/vendor/training/new", "/vendor/datasets", "/vendor/signals",
    "/vendor/scores", "/vendor/subscribers", "/vendor/revenue", "/vendor/payouts",
)  # fmt: skip
SINGLES = (
    "/vendor/services/{name}", "/vendor/services/{name}/releases/{version}/yank",
    "/vendor/services/{name}/releases/{version}/deprecate", "/vendor/services/{name}/withdraw",
    "/vendor/submissions/{submission_id}", "/vendor/deployments/{deployment_id}", "/vendor/training/{run_id}",
    "/vendor/datasets/{dataset}", "/vendor/datasets/{dataset}/rounds/{number}",
)  # fmt: skip
_MOST_STATEMENTS = 19
"""The pages with figures ask most: a series, its comparison and its totals are a dozen questions."""

MANIFEST = """mercato: 1
name: weather
version: 1.0.0
title: Weather
summary: What the sky does.
protocol: openai
task: embeddings
licence: MIT
endpoint: {url: "http://127.0.0.1:9/v1"}
plans: [{name: standard}]
"""


@dataclass
class Marketplace:
    """What all tests here share."""

    app: FastAPI
    scenery: Scenery


@dataclass
class Office:
    """The vendor of the scenery at its browser, and what there is."""

    browser: httpx.AsyncClient
    scenery: Scenery

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.browser.get(path.format(**self.scenery.own))
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.browser.post(path.format(**self.scenery.own), data=form)


@pytest.fixture(scope="module")
def module_database(postgres: str, migrated_template: str) -> Iterator[str]:
    """One for all tests here: each changes things that no other one looks at."""
    with own_database(postgres, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
async def marketplace(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Marketplace]:
    """The control plane, and a vendor with everything in it; every stranger's text is hostile."""
    app = build_site(tmp_path_factory.mktemp("site"), module_database)
    async with app.router.lifespan_context(app):
        yield Marketplace(app, await Scenery.furnish(module_database))


@pytest.fixture
async def office(marketplace: Marketplace) -> AsyncIterator[Office]:
    """Signed in as the vendor's administrator."""
    async with browser_of(marketplace.app) as browser:
        assert (await sign_in(browser, marketplace.scenery.vendor)).status_code == 303
        yield Office(browser, marketplace.scenery)


async def ask(marketplace: Marketplace, question: str, **values: str) -> Any:
    """One value from the database."""
    async with running_of(marketplace.app).wiring.database.transaction() as session:
        return await session.scalar(text(question), values)


async def test_every_page_shows_what_there_is_and_lets_no_text_through(office: Office) -> None:
    for path in LISTS + SINGLES:
        page = await office.get(path)
        assert "<img src=x" not in page, path
        assert re.search(r"API: <code>(GET|POST) /api/", page), path
        assert re.search(r"Command: <code>m(p|ercato) ", page), path
        for value in office.scenery.foreign.values():
            assert value in office.scenery.own.values() or value not in page, path
        assert "vendor-marker" not in page, path
    assert "&lt;img src=x" in await office.get("/vendor/canaries")


async def test_pages_of_an_empty_vendor_say_what_would_fill_them(marketplace: Marketplace) -> None:
    async with browser_of(marketplace.app) as browser:
        form = {"name": "New", "organisation": "new", "email": "new@example.org", "password": "correct horse battery"}
        assert (await browser.post("/sign-up", data=form)).status_code == 303
        for path in LISTS:
            page = await browser.get(path)
            assert page.status_code == 200, path
            assert re.search(r"<code>m(p|ercato) ", page.text), path


async def test_nobody_is_sent_to_the_sign_in_page(marketplace: Marketplace) -> None:
    async with browser_of(marketplace.app) as browser:
        for path in LISTS:
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path


async def test_ids_of_another_organisation_are_not_found(office: Office) -> None:
    foreign = office.scenery.foreign
    for path in (
        "/vendor/submissions/{submission_id}", "/vendor/deployments/{deployment_id}", "/vendor/training/{run_id}",
        "/vendor/datasets/{dataset}", "/vendor/training/{run_id}/artifacts/model.txt",
        "/vendor/rounds/{round_id}/files/train.parquet",
    ):  # fmt: skip
        answer = await office.browser.get(path.format(**foreign))
        assert answer.status_code == 404, path
        assert "US equities" not in answer.text
    for path, form in (
        ("/vendor/deployments/{deployment_id}/link", {"public_key": "A" * 43 + "=", "interval": "30"}),
        ("/vendor/training/{run_id}/stop", {}),
    ):
        assert (await office.browser.post(path.format(**foreign), data=form)).status_code == 404, path


@pytest.mark.parametrize(
    "path",
    ["/vendor/publish", "/vendor/canaries", "/vendor/credentials", "/vendor/training/new",
     "/vendor/services/x/withdraw", "/vendor/training/trn_x/stop", "/vendor/deployments/dep_x/link"],
)  # fmt: skip
async def test_a_form_of_another_site_is_refused(office: Office, path: str) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "http://evil.example"}):
        answer = await office.browser.post(path, data={"name": "x"}, headers=OWN | headers)
        assert answer.status_code in (403, 422), answer.text


class TestPublishing:
    """A manifest comes as a file, in a zip, or pasted."""

    async def test_a_file_is_checked_and_the_submission_is_shown(self, office: Office) -> None:
        sent = await office.browser.post("/vendor/publish", files={"manifest_file": ("service.yaml", MANIFEST)})
        assert sent.status_code == 303, sent.text
        page = await office.get(sent.headers["location"])
        assert "weather 1.0.0" in page
        assert page.count("<li>") >= 10
        assert 'data-hx-trigger="every 2s"' in page
        assert '<noscript><meta http-equiv="refresh"' in page

    async def test_a_zip_with_a_folder_is_read(self, office: Office) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr("weather/service.yaml", MANIFEST)
        sent = await office.browser.post("/vendor/publish", files={"archive": ("weather.zip", archive.getvalue())})
        assert sent.status_code == 303, sent.text

    async def test_pasted_text_comes_back_with_what_is_wrong(self, office: Office) -> None:
        wrong = MANIFEST.replace("MIT", "</textarea><script>")
        files = {"manifest": (None, wrong.replace("weather", "Not A Name"))}
        page = await office.browser.post("/vendor/publish", files=files)
        assert page.status_code == 422
        assert "&lt;/textarea&gt;&lt;script&gt;" in page.text
        assert "<script>" not in page.text

    async def test_zip_bombs_and_nonsense_are_refused(self, office: Office) -> None:
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("service.yaml", b"a" * 200_000_000)
        good = io.BytesIO()
        with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("service.yaml", MANIFEST)
        broken = bytearray(good.getvalue())
        broken[45:60] = bytes(15)
        for content in (bomb.getvalue(), bytes(broken), b"PK\x03\x04 nonsense", b""):
            page = await office.browser.post("/vendor/publish", files={"archive": ("x.zip", content)})
            assert page.status_code == 422, page.text
        nothing = await office.browser.post("/vendor/publish", files={"manifest_file": ("", b"")})
        assert nothing.status_code == 422
        large = await office.browser.post("/vendor/publish", files={"archive": ("x.zip", b"0" * (17 * 1024 * 1024))})
        assert large.status_code == 413

    async def test_a_double_click_is_one_submission(self, office: Office, marketplace: Marketplace) -> None:
        page = await office.get("/vendor/publish")
        found = re.search(r'action="(/vendor/publish\?once=[0-9a-f]+)"', page)
        assert found is not None
        content = {"manifest_file": ("service.yaml", MANIFEST.replace("weather", "clicked"), "text/yaml")}
        headers = {"content-type": "multipart/form-data; boundary=x"}
        request = office.browser.build_request("POST", found[1], files=content, headers=headers)
        body = request.read()
        twice = await asyncio.gather(*(office.browser.post(found[1], content=body, headers=headers) for _ in range(2)))
        assert {answer.status_code for answer in twice} <= {303, 409}
        assert await ask(marketplace, "SELECT count(*) FROM submissions WHERE service_name = 'clicked'") == 1


class TestReleases:
    """Deprecated or yanked once the vendor has seen who is hit."""

    async def test_the_impact_is_shown_before(self, office: Office) -> None:
        page = await office.get("/vendor/services/embedder/releases/1.1.0/yank")
        assert "vendor-buyer-1" in page
        assert "<dt>Latest release then</dt><dd>1.0.0</dd>" in page
        assert "by 2 organisations" in page
        assert "2 organisations subscribe" in page
        withdrawal = await office.get("/vendor/services/embedder/withdraw")
        assert "vendor-buyer-1" in withdrawal
        assert "2 organisations subscribe" in withdrawal

    async def test_a_release_is_yanked_with_a_reason_and_its_version_typed(self, office: Office) -> None:
        path = "/vendor/services/leaky/releases/1.1.0/yank"
        untyped = await office.post(path, reason="It leaks.")
        assert (untyped.status_code, "Type 1.1.0" in untyped.text) == (422, True)
        assert "It leaks." in untyped.text
        assert (await office.post(path, reason="x", typed="1.1.0")).status_code == 422
        once = once_in(await office.browser.get(path))
        for _ in range(2):
            done = await office.post(path, reason="It leaks.", typed="1.1.0", once=once)
            assert (done.status_code, done.headers["location"]) == (303, "/vendor/services/leaky")
        assert "It leaks." in await office.get("/vendor/services/leaky")

    async def test_a_release_is_deprecated(self, office: Office) -> None:
        path = "/vendor/services/leaky/releases/1.0.0/deprecate"
        assert (await office.post(path, reason="1.1 is faster.")).status_code == 303
        assert "1.1 is faster." in await office.get("/vendor/services/leaky")

    async def test_a_service_is_withdrawn_once_its_name_is_typed(self, office: Office) -> None:
        assert (await office.post("/vendor/services/gone/withdraw", typed="other")).status_code == 422
        assert (await office.post("/vendor/services/gone/withdraw", typed="gone")).status_code == 303
        assert "withdrawn" in await office.get("/vendor/services")

    async def test_unknown_versions_and_verbs_are_not_found(self, office: Office) -> None:
        for path in ("releases/9.9.9/yank", "releases/1.1.0/explode"):
            await office.get(f"/vendor/services/embedder/{path}", 404)
        await office.get("/vendor/services/nothing", 404)


class TestTraining:
    """The form starts what `POST /api/training/runs` starts."""

    @staticmethod
    def code() -> bytes:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr("train.py", "def train(*a): return {}")
        return archive.getvalue()

    async def test_a_run_is_started_with_its_hyper_parameters_and_its_cap(
        self, office: Office, marketplace: Marketplace
    ) -> None:
        fields = {
            "task": "us-equities", "hp_trees": "200", "hp_leaves": "7", "more": "depth=6\nuse_bagging=true",
            "seed": "3", "machine": "local:", "max_cost": "1.25", "seconds": "60", "memory_mib": "512",
        }  # fmt: skip
        sent = await office.browser.post("/vendor/training/new", data=fields, files={"code": ("p.zip", self.code())})
        assert sent.status_code == 303, sent.text
        assert "us-equities" in await office.get(sent.headers["location"])
        run_id = sent.headers["location"].rpartition("/")[2]
        spec = await ask(marketplace, "SELECT spec FROM training_runs WHERE id = :id", id=run_id)
        assert spec["hyperparameters"] == {"trees": 200, "depth": 6, "use_bagging": True}
        assert spec["max_cost_nanos"] == 1_250_000_000

    @pytest.mark.parametrize(
        ("field", "value"),
        [("task", ""), ("max_cost", "1e3"), ("max_cost", "٣"), ("hp_trees", "many"), ("more", "no equals"),
         ("machine", "local:H100"), ("round", "rnd_foreign"), ("seconds", "0"), ("max_cost", "0.000000001")],
    )  # fmt: skip
    async def test_what_is_typed_wrong_is_said_and_the_rest_is_kept(
        self, office: Office, field: str, value: str
    ) -> None:
        fields = {"task": "us-equities", "max_cost": "2.00", "more": "kept=1"} | {field: value}
        page = await office.browser.post("/vendor/training/new", data=fields, files={"code": ("p.zip", self.code())})
        assert page.status_code in (404, 422), page.text
        assert 'role="alert"' in page.text
        assert field == "more" or "kept=1" in page.text

    async def test_a_run_is_stopped(self, office: Office) -> None:
        assert (await office.post("/vendor/training/{run_id}/stop")).status_code == 303
        assert "It is being stopped." in await office.get("/vendor/training/{run_id}")

    def test_the_form_has_the_hyper_parameters_of_the_template(self) -> None:
        template = f"{mercato_cli.__path__[0]}/templates/signal-train/train.py.in"
        with open(template) as file:
            defaults = re.search(r"DEFAULTS = (\{.*?\})", file.read(), re.DOTALL)
        assert defaults is not None
        expected = {name: value.strip('"') for name, value in re.findall(r'"(\w+)": ([^,]+),', defaults[1])}
        assert {field.name: field.default for field in TEMPLATE} == expected


async def test_a_deployment_is_linked(office: Office) -> None:
    path = "/vendor/deployments/{deployment_id}/link"
    bad = await office.post(path, public_key="nonsense", interval="30")
    assert (bad.status_code, "nonsense" in bad.text) == (422, True)
    key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert (await office.post(path, public_key=key, interval="45")).status_code == 303
    assert "45 s" in await office.get("/vendor/deployments/{deployment_id}")


async def test_a_credential_is_stored_removed_and_never_shown(office: Office) -> None:
    secret = "sk-very-secret-value"
    assert (await office.post("/vendor/credentials", name="upstream", value=secret)).status_code == 303
    page = await office.get("/vendor/credentials")
    assert "upstream" in page
    assert secret not in page
    refused = await office.post("/vendor/credentials", name="Not A Name!", value=secret)
    assert (refused.status_code, secret in refused.text) == (422, False)
    assert (await office.post("/vendor/credentials/upstream/remove", typed="other")).status_code == 422
    assert (await office.post("/vendor/credentials/upstream/remove", typed="upstream")).status_code == 303
    assert "upstream</code>" not in await office.get("/vendor/credentials")


async def test_a_canary_is_started_and_aborted(office: Office) -> None:
    wrong = await office.post("/vendor/canaries", service="tried", version="9.9.9", percent="20")
    assert wrong.status_code in (404, 409, 422)
    started = await office.post("/vendor/canaries", service="tried", version="1.1.0", percent="20")
    assert started.status_code == 303, started.text
    assert "Decide about tried 1.1.0 yourself" in await office.get("/vendor/canaries")
    assert (await office.post("/vendor/canaries/tried/abort", reason="Too slow.")).status_code == 303
    assert "Too slow." in await office.get("/vendor/canaries")


async def test_a_viewer_reads_all_and_changes_nothing(office: Office, marketplace: Marketplace) -> None:
    tokens = await office.browser.post(
        "/api/sessions", json={"email": "vendor@example.org", "password": "correct horse battery"}
    )
    person = {"email": "eye@example.org", "name": "Eye", "password": "correct horse battery", "role": "viewer"}
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    assert (await office.browser.post("/api/users", json=person, headers=headers)).status_code == 201
    async with browser_of(marketplace.app) as browser:
        assert (await sign_in(browser, "eye")).status_code == 303
        for path in LISTS + SINGLES:
            page = await browser.get(path.format(**office.scenery.own))
            assert page.status_code == (403 if path == "/vendor/credentials" else 200), path
        assert "services:publish" in (await browser.get("/vendor/publish")).text
        for path, form in (
            ("/vendor/training/{run_id}/stop", {}),
            ("/vendor/services/embedder/withdraw", {"typed": "embedder"}),
            ("/vendor/deployments/{deployment_id}/link", {"public_key": "x", "interval": "30"}),
        ):
            answer = await browser.post(path.format(**office.scenery.own), data=form)
            assert answer.status_code == 403, path
        sent = await browser.post("/vendor/publish", files={"manifest_file": ("service.yaml", MANIFEST)})
        assert sent.status_code == 403


async def test_the_number_of_questions_to_the_database_is_fixed(office: Office, marketplace: Marketplace) -> None:
    # The session's own questions come to each page's.
    found = {}
    for path in LISTS + SINGLES:
        with counted(marketplace.app) as asked:
            await office.get(path)
        found[path] = len(asked)
    assert max(found.values()) <= _MOST_STATEMENTS, found
