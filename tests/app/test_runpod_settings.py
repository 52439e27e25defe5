"""RunPod's settings: offered only with a key and endpoints, read strictly, and the key is shown nowhere."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from mercato.app.control import build_wiring
from mercato.app.settings import Settings

KEY = "rpa_VERYSECRET"


@pytest.mark.parametrize(
    ("key", "endpoints", "offered"),
    [(None, "", False), (None, "cpu=abc@0.2", False), (KEY, "", False), (KEY, "cpu=abc@0.2", True)],
)
async def test_runpod_is_offered_with_a_key_and_an_endpoint(
    tmp_path: Path, key: str | None, endpoints: str, offered: bool
) -> None:
    settings = Settings(
        state=tmp_path, runpod_api_key=None if key is None else SecretStr(key), runpod_endpoints=endpoints
    )
    wiring = build_wiring(settings, "postgresql://nobody@127.0.0.1/nothing")
    assert ("runpod" in wiring.providers) is offered
    assert KEY not in repr(settings) + str(wiring.providers.get("runpod"))
    assert settings.to_environment().get("MERCATO_RUNPOD_API_KEY") == key, "a child process gets the key itself"
    await wiring.close()


def test_endpoints_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="GPU=ENDPOINT@DOLLARS_PER_HOUR"):
        Settings(state=tmp_path, runpod_endpoints="L4=abc")


def test_a_child_process_gets_every_secret_itself(tmp_path: Path) -> None:
    fields = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert len(fields) >= 3
    read = {
        "mlflow_url": "https://mlflow.example:5000",
        "events_url": "kafka://bus.example:9092",
        "smtp_url": "smtp://mail.example",
        "search_url": "https://search.example:9200",
    }
    given = {name: SecretStr(read.get(name, f"secret of {name}")) for name in fields}
    passed = Settings(state=tmp_path, **given).to_environment()  # type: ignore[arg-type]
    assert {name: passed[f"MERCATO_{name.upper()}"] for name in fields} == {
        name: secret.get_secret_value() for name, secret in given.items()
    }
