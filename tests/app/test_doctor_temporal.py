"""`mercato doctor` on Temporal: away, the wrong namespace, the wrong certificates, too short a memory."""

import ssl
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from mercato.adapters.temporal_address import read_address
from mercato.app.examine_engines import engines, temporal_fits
from mercato.app.finding import Finding
from mercato.app.settings import Settings
from mercato.app.usable import require_usable
from tests.support.ports import free_port
from tests.support.temporal import TemporalServer
from tests.support.tls_front import tls_in_front

URL = "workflows_url"
Ask = Callable[..., Finding]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """What the doctor says of Temporal with these settings."""

    def examine(**settings: Any) -> Finding:
        (finding,) = engines(Settings(state=tmp_path, **settings))
        assert (finding.fix == "") == (finding.verdict == "ok")
        return finding

    return examine


def test_a_server_that_is_well_and_one_whose_namespace_forgets_soon(ask: Ask, temporal_server: TemporalServer) -> None:
    found = ask(workflows_url=temporal_server.url(temporal_server.new_namespace()))
    assert (found.verdict, "30 days" in found.fix) == ("warn", True)
    found = ask(workflows_url=temporal_server.url(temporal_server.new_namespace(kept_hours=720)))
    assert found.verdict == "ok", found
    assert temporal_server.target in found.found


def test_the_wrong_namespace(ask: Ask, temporal_server: TemporalServer) -> None:
    found = ask(workflows_url=temporal_server.url("nowhere"))
    assert found.verdict == "fail"
    assert "nowhere" in found.found
    assert "namespace in MERCATO_WORKFLOWS_URL" in found.fix


def test_a_server_that_is_away(ask: Ask) -> None:
    found = ask(workflows_url=f"temporal://127.0.0.1:{free_port()}/mercato")
    assert (found.verdict, "MERCATO_WORKFLOWS_URL" in found.fix) == ("fail", True)


@pytest.mark.parametrize(("days", "verdict"), [(3, "warn"), (29, "warn"), (30, "ok")])
def test_a_namespace_by_its_memory(days: int, verdict: str) -> None:
    assert temporal_fits("here", "1.32", timedelta(days=days)).verdict == verdict


class Certificates:
    """An authority, the server's certificate and the client's, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        client = self.authority.issue_cert("worker.example")
        self.cert, self.key = folder / "client.pem", folder / "client.key"
        client.cert_chain_pems[0].write_to_path(str(self.cert))
        client.private_key_pem.write_to_path(str(self.key))

    def server(self, *, asks_clients: bool = False, expired: bool = False) -> ssl.SSLContext:
        ends = datetime.now(UTC) - timedelta(days=1) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)
        if asks_clients:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def test_certificates(ask: Ask, temporal_server: TemporalServer, tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    own, stranger = Certificates(tmp_path), Certificates(tmp_path / "stranger")
    namespace = temporal_server.new_namespace(kept_hours=720)
    with ExitStack() as stack:

        def through(**how: Any) -> str:
            port = stack.enter_context(tls_in_front(temporal_server.port, own.server(**how)))
            return f"temporal+tls://127.0.0.1:{port}/{namespace}"

        plain, mutual, old = through(), through(asks_clients=True), through(expired=True)
        client = {"workflows_cert": own.cert, "workflows_key": own.key}
        assert ask(workflows_url=plain, workflows_ca=own.ca, workflows_api_key="secretword").verdict == "ok"
        assert ask(workflows_url=mutual, workflows_ca=own.ca, **client).verdict == "ok"
        for wrong in (
            {URL: plain},  # nobody vouches for the server
            {URL: plain, "workflows_ca": stranger.ca},
            {URL: mutual, "workflows_ca": own.ca},  # without a certificate of ours
            {URL: old, "workflows_ca": own.ca},
            {URL: plain.replace("temporal+tls", "temporal")},
            {
                URL: temporal_server.url(namespace).replace("temporal", "temporal+tls"),
                "workflows_api_key": "secretword",
            },
        ):
            found = ask(**wrong)
            assert found.verdict == "fail", wrong
            assert "MERCATO_WORKFLOWS_" in found.fix
            assert "secretword" not in found.found + found.fix


@pytest.mark.parametrize(
    "wrong",
    [
        {URL: "temporal.example:7233"},
        {URL: "temporal://temporal.example"},
        {URL: "temporal://temporal.example:7233", "workflows_api_key": "secretword"},
        {URL: "temporal+tls://temporal.example:7233", "workflows_cert": "/nowhere"},
    ],
)
def test_settings_that_cannot_be_are_one_sentence(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="MERCATO_WORKFLOWS_") as refused:
        Settings(state=tmp_path, **wrong)
    assert "secretword" not in str(refused.value)


def test_a_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(
        state=tmp_path, workflows_url="temporal+tls://temporal.example:7233", workflows_ca=tmp_path / "no.pem"
    )
    with pytest.raises(Exception, match=r"MERCATO_WORKFLOWS_CA .* is no file"):
        require_usable(settings)


def test_an_address_is_read() -> None:
    found = read_address("temporal+tls://acme.a2dd6.tmprl.cloud:7233/acme.a2dd6", api_key="k")
    assert (found.target, found.namespace, found.tls, found.api_key) == (
        "acme.a2dd6.tmprl.cloud:7233",
        "acme.a2dd6",
        True,
        "k",
    )
    assert read_address("temporal://[::1]:7233").namespace == "default"
