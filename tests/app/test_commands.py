"""`mercato serve`, `migrate`, `bootstrap`, `doctor`: each on its own, each on a real database."""

import json
import signal
from pathlib import Path

import psycopg
import pytest

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.support.ports import free_ports
from tests.support.running import Place, get, processes_naming
from tests.support.waiting import eventually


@pytest.fixture
def own(place: Place, database_url: str) -> Place:
    """The place on the test's own migrated database."""
    place.environment["DATABASE_URL"] = database_url
    return place


@pytest.mark.parametrize("role", ["publishing", "discovery", "consumption", "accounts", "vendors", "worker"])
def test_each_role_answers_on_its_port_and_ends_with_code_0(own: Place, role: str) -> None:
    port, internal = free_ports(2)
    served = own.start("serve", role, "--port", str(port), "--internal-port", str(internal))
    eventually(lambda: get(port, "/readyz")[0] == 200, f"{role} is ready: {served.err()}")
    assert get(port, "/healthz")[0] == 200
    figures = port if role == "worker" else internal
    assert get(figures, "/readyz")[0] == 200
    assert b"python_info" in get(figures, "/metrics")[2]
    if role != "worker":
        assert get(port, "/metrics")[0] == 404
        assert get(internal, "/api/me")[0] == 404
    assert served.stop() == 0


@pytest.mark.slow
def test_two_roles_share_the_embedded_server_and_the_last_one_stops_it(place: Place) -> None:
    assert place.run("migrate").returncode == 0
    ports = free_ports(2)
    served = [place.start("serve", "accounts", "--port", str(port)) for port in ports]
    for port, each in zip(ports, served, strict=True):
        eventually(lambda port=port: get(port, "/readyz")[0] == 200, f"ready: {each.err()}")  # type: ignore[misc]
    assert served[0].stop() == 0
    assert get(ports[1], "/readyz")[0] == 200
    assert served[1].stop(signal.SIGINT) == 0
    eventually(lambda: not processes_naming(place.folder), "PostgreSQL has ended too", 60)


def test_an_unmigrated_database_is_refused_with_the_command_that_mends_it(place: Place) -> None:
    refused = place.run("serve", "accounts")
    assert refused.returncode == 1
    assert "run `mercato migrate`" in refused.stderr


def test_a_gone_database_is_refused_without_its_password(place: Place) -> None:
    place.environment["DATABASE_URL"] = "postgresql://me:hunter2@127.0.0.1:1/none"
    refused = place.run("serve", "accounts")
    assert refused.returncode == 1
    assert "does not answer" in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.mark.slow
def test_the_control_plane_outlives_a_lost_database(place: Place) -> None:
    server = EmbeddedPostgres(place.state / "other")
    place.environment["DATABASE_URL"] = server.start()
    try:
        assert place.run("migrate").returncode == 0
        served = place.start("serve", "control")
        eventually(lambda: get(place.port, "/readyz")[0] == 200, f"ready: {served.err()}")
        assert server.stop()
        eventually(lambda: get(place.port, "/readyz")[0] == 503, "says that it is not ready")
        status, headers, body = get(place.port, "/readyz")
        assert status == 503
        assert int(headers["retry-after"]) > 0
        assert json.loads(body)["code"] == "temporarily_unavailable"
        assert get(place.port, "/healthz")[0] == 200
        server.start()
        eventually(lambda: get(place.port, "/readyz")[0] == 200, "recovers by itself")
        assert served.stop() == 0
    finally:
        server.stop()


def test_the_first_administrator_is_made_once(own: Place) -> None:
    first = own.run("bootstrap", "--email", "ada@example.org", "--json")
    assert first.returncode == 0
    body = json.loads(first.stdout)
    assert body["email"] == "ada@example.org"
    assert len(body["password"]) >= 20
    second = own.run("bootstrap")
    assert second.returncode == 1
    assert "already" in second.stderr
    assert second.stdout == ""


def test_migrates_forwards_and_backwards(place: Place) -> None:
    server = EmbeddedPostgres(place.state / "postgres")
    url = server.start()
    try:
        assert "none -> 0002" in place.run("migrate", "0002").stdout
        assert "0002 -> " in place.run("migrate").stdout
        assert "already" in place.run("migrate").stdout
        assert place.run("migrate", "base").returncode == 0
        with psycopg.connect(url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert {name for (name,) in tables} <= {"alembic_version"}
        unknown = place.run("migrate", "9999")
        assert unknown.returncode == 1
        assert "Traceback" not in unknown.stderr
    finally:
        server.stop()


def test_the_doctor_finds_nothing_wrong_on_a_fresh_machine_and_starts_nothing(place: Place) -> None:
    examined = place.run("doctor", "--json")
    findings = json.loads(examined.stdout)["findings"]
    assert {finding["check"] for finding in findings} >= {"python", "disk", "port", "secrets", "postgresql"}
    assert [finding for finding in findings if finding["verdict"] == "fail"] == []
    assert examined.returncode == 0
    assert not place.state.exists()


def test_the_doctor_names_what_is_wrong_and_what_to_do(own: Place) -> None:
    secrets = own.state / "secrets"
    secrets.mkdir(parents=True)
    _write_open(secrets / "signing.key")
    with psycopg.connect(own.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    examined = own.run("doctor")
    assert examined.returncode == 1
    assert f"chmod go-rwx {secrets}" in examined.stdout
    assert "Run `mercato migrate`." in examined.stdout


def _write_open(path: Path) -> None:
    path.write_text("secret\n")
    path.chmod(0o644)


@pytest.mark.slow
def test_an_operator_leads_a_round_by_command(own: Place) -> None:
    built = own.run("data", "build", "--json")
    assert built.returncode == 0, built.stderr
    body = json.loads(built.stdout)
    assert (body["is_new"], body["eras"], body["last_day"]) == (True, 8061, "2022-12-28")
    opened = json.loads(own.run("data", "open", "--embargo-hours", "0", "--json").stdout)
    assert (opened["number"], opened["state"], opened["first_era"] - opened["train_last_era"]) == (1, "open", 7)
    assert "round 1 is closed" in own.run("data", "close", opened["id"]).stdout
    refused = own.run("data", "resolve", opened["id"])
    assert refused.returncode == 1
    assert "only a round that is scored can be resolved" in refused.stderr
    folder = own.state / "objects" / "rounds" / opened["id"]
    assert sorted(path.name for path in folder.iterdir()) == ["live.parquet", "targets.parquet", "train.parquet"]


@pytest.mark.slow
def test_the_search_index_is_compared_and_written_again_by_command(own: Place, database_url: str) -> None:
    port, internal = free_ports(2)
    url = f"http://127.0.0.1:{internal}"
    alone = own.run("search", "check", "--url", url)
    assert (alone.returncode, "does not say how its index stands" in alone.stderr) == (1, True)
    served = own.start("serve", "discovery", "--port", str(port), "--internal-port", str(internal))
    eventually(lambda: get(port, "/readyz")[0] == 200, f"ready: {served.err()}")
    found = json.loads(own.run("search", "check", "--url", url, "--json").stdout)
    assert (found["index"]["state"], found["index"]["listings"], found["rows"]["listings"]) == ("whole", 0, 0)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO listing_documents (service_id, facts, digest, embedder, embedded_digest, vector, withdrawn,"
            " changed_at) VALUES ('svc_x', %s, 'd', 'other', '', '', false, '2020-01-01')",
            (json.dumps(_FACTS),),
        )
    wrong = own.run("search", "check", "--url", url)
    assert wrong.returncode == 1
    assert "missing: svc_x" in wrong.stdout, "no news told the index"
    assert "extra: svc_x" in wrong.stdout, "no service told the rows"
    assert own.run("search", "rebuild").returncode == 0
    eventually(lambda: json.loads(get(port, "/api/search")[2])["total"] == 1, f"it is found: {served.err()}")
    assert get(port, "/search-index")[0] == 404, "only the internal port tells"
    assert served.stop() == 0


_FACTS = {
    "service_id": "svc_x", "name": "acme/x", "title": "X", "summary": "", "vendor": "acme", "protocol": "openapi",
    "task": "other", "licence": "MIT", "version": "1.0.0", "released_at": "2020-01-01T00:00:00+00:00", "prices": [],
}  # fmt: skip
