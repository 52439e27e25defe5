"""Our images and the stack: built from the repository and run; a service is published, sold and called in them."""

import json
import re
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.e2e.calls import Client, greeting
from tests.e2e.parties import Member, Visitor, greeting_offer
from tests.support.composed import Stack
from tests.support.images import NAMES, PODMAN_RUN, TOOLS, Images
from tests.support.link import Link
from tests.support.reader import ROOT
from tests.support.running import BIN, eventually, open_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(
        not (TOOLS / "ready").exists(), reason="podman and a base are not there: scripts/container-tools"
    ),
]
_PRICE_NANOS = 1_000_000
_PER_CALL = {"name": "per-call", "price": {"per_call": "0.001"}}
_SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|KEY|DATABASE_URL")


@pytest.fixture(scope="module")
def images() -> Images:
    """All three, from the sources as they are now."""
    store = Images()
    for name in NAMES:
        store.build(name)
    return store


@pytest.mark.parametrize("image", NAMES)
def test_an_image_says_what_it_is_and_keeps_nothing_of_its_making(images: Images, image: str) -> None:
    seen = images.inspect(image)
    settings = seen["Config"]
    version = tomllib.loads((ROOT / "packages/server/pyproject.toml").read_text())["project"]["version"]
    assert settings["Labels"]["org.opencontainers.image.version"] == version
    assert settings["User"] == "10001:10001"
    assert seen["Healthcheck"]["Test"][0] == "CMD"
    assert not [each for each in settings["Env"] if _SECRET.search(each.partition("=")[0])]
    images.within(image, "sh", "-c", "! test -s /etc/pip.conf")
    assert "index-url" not in json.dumps(seen["History"])


@pytest.mark.parametrize("image", NAMES)
def test_an_image_runs_as_nobody_and_owns_none_of_its_programs(images: Images, image: str) -> None:
    assert images.within(image, "id", "-u") == "10001"
    assert images.within(image, "find", "/opt/mercato", "-writable", "-not", "-type", "l") == ""
    rights = images.within(image, "grep", "CapEff", "/proc/self/status")
    assert int(rights.split()[1], 16) == 0


def test_only_the_gateways_own_image_is_compiled(images: Images) -> None:
    ask = "import mercato_gateway.settle as it; print(it.__file__.endswith('.so'))"
    assert images.within("gateway", "python3", "-c", ask) == "True"
    assert images.within("server", "python3", "-c", ask) == "False"


def test_a_vendors_project_is_served_by_the_runner(images: Images, tmp_path: Path) -> None:
    images.run(BIN / "mp", "init", "signals", "--template", "signal-http", "--folder", tmp_path / "project")
    words = ["podman", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--network", "none", *PODMAN_RUN]
    words += ["--tmpfs", "/tmp:mode=1777", "--volume", f"{tmp_path / 'project'}:/project:ro"]
    container = images.run(*words, images.name_of("runner"))
    try:
        eventually(lambda: images.is_healthy(container), "the runner's health check passes", every=0.5)
    finally:
        images.run("podman", "rm", "--force", "--time", "5", container)


@dataclass
class Vendor:
    """A vendor's service of this test: answers at once, or while `may_answer` is not set, not yet."""

    may_answer: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @contextmanager
    def listening(self) -> Iterator["Vendor"]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                known = self.path == "/hello/greeting"
                if known:
                    vendor.arrived.set()
                    vendor.may_answer.wait(600)
                body = json.dumps({"word": "hello", "length": 5} if known else {"detail": "not found"}).encode()
                self.send_response(200 if known else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.may_answer.set()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.may_answer.set()
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor().listening() as running:
        yield running


@pytest.fixture(scope="module")
def stack(images: Images) -> Iterator[Stack]:
    """Migrated and healthy, with PostgreSQL on a port of loopback."""
    with open_folder() as folder:
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.start()
        link = Link(postgres._socket_folder() / ".s.PGSQL.5432")
        running = Stack(images, folder, link.port)
        try:
            running.up()
            yield running
        finally:
            print(running.logs())
            running.down()
            link.close()
            postgres.stop()


@dataclass(frozen=True)
class Trade:
    """A service that is sold, and who buys it."""

    consumer: Member
    service: str
    client: Client


@pytest.fixture(scope="module")
def trade(stack: Stack, vendor: Vendor) -> Trade:
    """The operator begins, a vendor publishes, an approver agrees, a consumer subscribes and makes a key."""
    first = json.loads(stack.within("control", "mercato", "bootstrap", "--json"))
    visitor = Visitor(stack.control_url)
    operator = visitor.sign_in(first["email"], first["password"], "operator")
    person = {"email": "approver@operator.example", "name": "Approver", "password": uuid4().hex, "role": "approver"}
    operator.post("/api/users", person)
    approver = visitor.sign_in(person["email"], person["password"], "operator")
    seller = visitor.sign_up("acme")
    waiting = seller.submit(greeting_offer("greeter", vendor.url, [_PER_CALL]))
    seller.follow(waiting.id, "waiting", 600)
    reason = "Looked at the contract calls and the manifest."
    approver.post(f"/api/approvals/{waiting.id}", {"decision": "approve", "reason": reason})
    seller.follow(waiting.id, "released", 600)
    consumer = visitor.sign_up("globex")
    consumer.subscribe("acme/greeter", "per-call")
    client = Client(stack.gateway_url, consumer.make_key().key)
    # A gateway hears of a release a moment after it is one.
    eventually(lambda: all(map(_knows_the_route, stack.admin_urls)), "the gateway's workers know the route")
    return Trade(consumer, "acme/greeter", client)


@pytest.mark.parametrize("service", ["control", "worker", "gateway"])
def test_a_container_has_no_rights_and_a_root_that_it_cannot_write(stack: Stack, service: str) -> None:
    state = stack.state(service)
    assert state["HostConfig"]["ReadonlyRootfs"] is True
    assert not state["EffectiveCaps"]
    assert state["Config"]["User"] in ("10001:10001", "10001")
    status = stack.within(service, "sh", "-c", "cat /proc/1/status; touch /opt/x 2>&1; touch /tmp/x /var/lib/mercato/x")
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert "Read-only file system" in status


def test_a_call_through_the_stack_is_answered_and_counted_once(trade: Trade) -> None:
    seen = trade.client.call(greeting(trade.service))
    assert (seen.status, seen.body) == (200, {"word": "hello", "length": 5})
    assert trade.consumer.all_metered(1, 600)[seen.request_id] == 1
    (event,) = [each for each in trade.consumer.usage_events() if each.request_id == seen.request_id]
    assert event.price_nanos == _PRICE_NANOS


def test_a_gateway_that_is_stopped_answers_and_counts_the_call_in_hand(
    stack: Stack, trade: Trade, vendor: Vendor
) -> None:
    before = len(trade.consumer.usage_events())
    vendor.arrived.clear()
    vendor.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        try:
            call = pool.submit(trade.client.call, greeting(trade.service))
            eventually(vendor.arrived.is_set, "the call is at the vendor's")
            stopped = pool.submit(stack.stop, "gateway")
            eventually(lambda: not any(map(_is_ready, stack.admin_urls)), "the gateway takes no more calls", every=0.2)
            assert not call.done()
        finally:
            vendor.may_answer.set()
        seen = call.result(600)
    assert (seen.status, seen.body) == (200, {"word": "hello", "length": 5})
    stopped.result(600)
    assert stack.state("gateway")["State"]["ExitCode"] == 0
    stack.start("gateway")
    assert trade.consumer.all_metered(before + 1, 600)[seen.request_id] == 1
    assert len(trade.consumer.usage_events()) == before + 1


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _knows_the_route(url: str) -> bool:
    page = httpx.get(f"{url}/metrics", timeout=60).text
    return re.search(r"^mercato_gateway_services 1(\.0)?$", page, re.M) is not None
