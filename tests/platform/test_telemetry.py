"""No secret reaches a log line."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mercato.platform import SystemClock, SystemIds, configure_logging
from mercato_contracts.keys import make_key


@pytest.fixture
def key() -> str:
    ids = SystemIds(SystemClock())
    return make_key("vk", ids.new("key"), ids.secret(32))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configured = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_keys_tokens_and_passwords_are_masked_wherever_they_stand(capsys: pytest.CaptureFixture[str], key: str) -> None:
    configure_logging()
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJlLXBhcnQ"
    log = structlog.get_logger("test")
    try:
        raise ValueError(f"could not use {key}")
    except ValueError as error:
        log.error(f"failed with {key}", exc_info=error, nested={"deep": [f"Bearer {token}"]}, password="hunter2")
    logging.getLogger("library").warning("connecting to postgresql://mercato:hunter2@db/mercato")
    written = capsys.readouterr().err
    for secret in (key.rpartition("_")[2], token, "hunter2"):
        assert secret not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines[0]["level"] == "error"
    assert key.rpartition("_")[0] in lines[0]["event"]


def test_addresses_of_people_are_masked_and_versions_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    refused = OSError("550 no such user <Ada.Lovelace+x@mail.example.org>")
    structlog.get_logger("test").warning("a letter was not sent", error=str(refused), service="acme/embedder@1.2.0")
    line = json.loads(capsys.readouterr().err)
    assert (line["error"], line["service"]) == ("550 no such user <…@…>", "acme/embedder@1.2.0")
