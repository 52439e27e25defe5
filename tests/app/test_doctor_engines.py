"""`mercato doctor` on each engine that is configured: away, the wrong credentials, the wrong version, expired files."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from mercato.app.examine_engines import engines, redis_fits
from mercato.app.finding import Finding
from mercato.app.settings import Settings
from tests.fakes.otlp_receiver import OtlpReceiver
from tests.support.http_server import stand_in
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.running import Place
from tests.support.seaweed import BUCKET, serve_s3


def ask(tmp_path: Path, **settings: Any) -> list[Finding]:
    """What the doctor says of the engines with these settings."""
    return list(engines(Settings(state=tmp_path, **settings)))


def one(tmp_path: Path, **settings: Any) -> Finding:
    (finding,) = ask(tmp_path, **settings)
    assert (finding.fix == "") == (finding.verdict == "ok")
    return finding


def test_nothing_is_asked_that_is_not_configured(tmp_path: Path) -> None:
    assert ask(tmp_path) == []


# Redis.


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def test_redis_that_is_well(tmp_path: Path, redis: RedisServer) -> None:
    assert one(tmp_path, redis_url=redis.url).verdict == "ok"


def test_redis_with_the_wrong_password(tmp_path: Path, redis: RedisServer) -> None:
    cli = ["redis-cli", "-u", redis.url]
    subprocess.run([*cli, "config", "set", "requirepass", "another"], check=True, capture_output=True)
    wrong = redis.url.replace("redis://", "redis://:secretword@")
    found = one(tmp_path, redis_url=wrong)
    assert found.verdict == "fail"
    assert "MERCATO_REDIS_URL" in found.fix
    assert "secretword" not in found.found + found.fix


def test_redis_that_evicts(tmp_path: Path, redis: RedisServer) -> None:
    subprocess.run(
        ["redis-cli", "-u", redis.url, "config", "set", "maxmemory-policy", "allkeys-lru"],
        check=True,
        capture_output=True,
    )
    found = one(tmp_path, redis_url=redis.url)
    assert (found.verdict, "noeviction" in found.fix) == ("warn", True)


def test_redis_that_is_away(tmp_path: Path) -> None:
    found = one(tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert (found.verdict, "MERCATO_REDIS_URL" in found.fix) == ("fail", True)


@pytest.mark.parametrize(("version", "verdict"), [("6.2.14", "fail"), ("7.0.15", "ok"), ("8.2.1", "ok")])
def test_redis_by_its_version(version: str, verdict: str) -> None:
    found = redis_fits(version, "noeviction")
    assert (found.verdict, "Redis 7" in found.fix) == (verdict, verdict == "fail")


# Kafka.


def test_kafka_that_is_away(tmp_path: Path) -> None:
    found = one(tmp_path, events_url=f"kafka+ssl://mercato:secretword@127.0.0.1:{free_port()}/staging")
    assert found.verdict == "fail"
    assert "MERCATO_EVENTS_URL" in found.fix
    assert "secretword" not in found.found + found.fix


def test_events_in_files_need_nobody(tmp_path: Path) -> None:
    assert one(tmp_path, events_url="file").verdict == "ok"


# Search.


def test_a_search_engine_that_is_away(tmp_path: Path) -> None:
    found = one(tmp_path, search_url=f"http://mercato:secretword@127.0.0.1:{free_port()}/staging")
    assert found.verdict == "fail"
    assert "MERCATO_SEARCH_URL" in found.fix
    assert "secretword" not in found.found + found.fix


# Objects.


def test_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_s3(tmp_path) as server:
        place = {"s3_endpoint": server.endpoint, "objects_url": f"s3://{BUCKET}/models"}
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert one(tmp_path, **place).verdict == "ok"
        found = one(tmp_path, **(place | {"objects_url": "s3://no-such-bucket"}))
        assert (found.verdict, "MERCATO_OBJECTS_URL" in found.fix) == ("fail", True)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretword")
        found = one(tmp_path, **place)
        assert (found.verdict, "AWS_ACCESS_KEY_ID" in found.fix) == ("fail", True)
        assert "secretword" not in found.found


def test_a_bucket_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretword")
    found = one(tmp_path, objects_url="s3://models", s3_endpoint=f"http://127.0.0.1:{free_port()}")
    assert (found.verdict, "MERCATO_S3_ENDPOINT" in found.fix) == ("fail", True)


# Letters.


class _Doorkeeper:
    """Lets in whoever knows the word."""

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"the right word", handled=False)


@contextmanager
def _mail_server(tmp_path: Path) -> Iterator[tuple[int, trustme.CA]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    controller = Controller(
        object(), hostname="127.0.0.1", port=free_port(), ssl_context=context, server_hostname="localhost",
        authenticator=_Doorkeeper(), auth_require_tls=False,
    )  # fmt: skip
    controller.start()
    try:
        yield controller.port, authority
    finally:
        controller.stop()


def test_a_mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _mail_server(tmp_path) as (port, authority):
        untrusted = one(tmp_path, smtp_url=f"smtps://localhost:{port}")
        assert (untrusted.verdict, "MERCATO_SMTP_URL" in untrusted.fix) == ("fail", True)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert one(tmp_path, smtp_url=f"smtps://me:the%20right%20word@localhost:{port}").verdict == "ok"
        refused = one(tmp_path, smtp_url=f"smtps://me:secretword@localhost:{port}")
    assert (refused.verdict, "user and password" in refused.fix) == ("fail", True)
    assert "secretword" not in refused.found + refused.fix


def test_a_mail_server_that_is_away(tmp_path: Path) -> None:
    assert one(tmp_path, smtp_url=f"smtp://127.0.0.1:{free_port()}").verdict == "fail"


# Traces.


def test_a_collector_of_traces(tmp_path: Path) -> None:
    collector = OtlpReceiver()
    collector.start()
    assert one(tmp_path, otlp_url=collector.url).verdict == "ok"
    elsewhere = one(tmp_path, otlp_url=f"{collector.url}/elsewhere")
    collector.stop()
    away = one(tmp_path, otlp_url=collector.url)
    # Nothing stops for want of it.
    assert [elsewhere.verdict, away.verdict] == ["warn", "warn"]
    assert "MERCATO_OTLP_URL" in away.fix


# TLS.


def _issue(folder: Path, days: float) -> dict[str, Path]:
    authority = trustme.CA()
    made = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=days))
    files = {"tls_cert": folder / "server.pem", "tls_key": folder / "server.key"}
    made.cert_chain_pems[0].write_to_path(str(files["tls_cert"]))
    made.private_key_pem.write_to_path(str(files["tls_key"]))
    return files


@pytest.mark.parametrize(("days", "verdict"), [(90, "ok"), (10, "warn"), (-1, "fail")])
def test_a_certificate_by_its_age(tmp_path: Path, days: float, verdict: str) -> None:
    found = one(tmp_path, **_issue(tmp_path, days))
    assert found.verdict == verdict
    assert verdict == "ok" or "MERCATO_TLS_CERT" in found.fix


def test_files_of_tls_that_do_not_fit(tmp_path: Path) -> None:
    files = _issue(tmp_path, 90)
    (tmp_path / "other").mkdir()
    other = _issue(tmp_path / "other", 90)
    mixed = one(tmp_path, tls_cert=files["tls_cert"], tls_key=other["tls_key"])
    half = one(tmp_path, tls_cert=files["tls_cert"])
    missing = one(tmp_path, tls_cert=files["tls_cert"], tls_key=tmp_path / "none.key")
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    authority = one(tmp_path, **files, client_ca=broken)
    for found in (mixed, half, missing, authority):
        assert (found.verdict, "MERCATO_TLS_KEY" in found.fix) == ("fail", True), found


# MLflow.


@pytest.mark.parametrize(
    ("version", "search", "verdict", "said"),
    [
        ((200, b"3.17.2"), (200, {}), "ok", "MLflow 3.17.2 answers"),
        ((200, b"2.22.0"), (200, {}), "fail", "MLflow 3 is needed"),
        ((200, b"<html>"), (200, {}), "fail", "no MLflow answers"),
        ((200, b"3.17.2"), (401, b"who are you"), "fail", "correct MERCATO_MLFLOW_TOKEN"),
        ((503, b"later"), (200, {}), "fail", "503"),
    ],
)
def test_mlflow_is_asked_for_its_version_and_whether_it_lets_us_in(
    tmp_path: Path, version: tuple[int, object], search: tuple[int, object], verdict: str, said: str
) -> None:
    with stand_in(lambda method, path: version if path == "/version" else search) as (url, _):
        found = one(tmp_path, mlflow_url=url.replace("//", "//me:secretword@"))
    assert (found.verdict, said in found.found) == (verdict, True), found
    assert "secretword" not in str(found)


def test_mlflow_that_is_away(tmp_path: Path) -> None:
    found = one(tmp_path, mlflow_url=f"http://me:secretword@127.0.0.1:{free_port()}")
    assert (found.verdict, "MERCATO_MLFLOW_URL" in found.fix) == ("fail", True)
    assert "secretword" not in str(found)


# Settings that are read late.


@pytest.mark.parametrize(
    ("command", "name", "value", "said"),
    [
        ("serve worker", "MERCATO_EVENTS_URL", "kafka://user:secretword@", "MERCATO_EVENTS_URL"),
        ("serve worker", "MERCATO_SEARCH_URL", "opensearch:9200", "MERCATO_SEARCH_URL"),
        ("serve worker", "MERCATO_MLFLOW_URL", "mlflow:5000", "MERCATO_MLFLOW_URL"),
        ("serve worker", "MERCATO_MLFLOW_CA", "nowhere.pem", "MERCATO_MLFLOW_CA"),
        ("serve worker", "MERCATO_MLFLOW_TOKEN", "secretword", "MERCATO_MLFLOW_TOKEN"),
        ("registry check", "MERCATO_LOG_LEVEL", "INFO", "MERCATO_MLFLOW_URL"),
        ("serve discovery", "MERCATO_SEARCH_CA", "nowhere.pem", "MERCATO_SEARCH_CA"),
        ("serve worker", "MERCATO_POLICY_FILE", "nowhere.cedar", "MERCATO_POLICY_FILE"),
        ("up", "MERCATO_POLICY_FILE", "wrong.cedar", "MERCATO_POLICY_FILE"),
        ("serve control", "MERCATO_SITE", "nowhere", "MERCATO_SITE"),
        ("up", "MERCATO_TLS_CERT", "nowhere.pem", "MERCATO_TLS_CERT"),
        ("serve consumption", "MERCATO_REDIS_URL", "localhost:6379", "redis_url"),
        ("up", "MERCATO_LOG_LEVEL", "LOUD", "log_level"),
        ("serve worker", "DATABASE_URL", "mysql://localhost/mercato", "DATABASE_URL"),
    ],
)
def test_a_setting_that_is_read_late_is_one_sentence_at_the_start(
    place: Place, command: str, name: str, value: str, said: str
) -> None:
    (place.folder / "wrong.cedar").write_text("permit everything")
    refused = place.run(*command.split(), environment=place.environment | {name: value})
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "secretword" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
