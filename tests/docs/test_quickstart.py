"""docs/quickstart-curl.md by the letter, from where the README's five minutes have come to the approval."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.reader import ROOT, Marketplace, Reader, make_up

_TOUR = (ROOT / "README.md").read_text().partition("## Five minutes")[2]
_PAGE = (ROOT / "docs" / "quickstart-curl.md").read_text()
_PASSWORD = "correct horse battery"
_STARTS = re.compile(r"(> (?:/dev/null|words\.log))(?: 2>&1)? &$", re.M)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not here"),
]


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    with make_up() as marketplace:
        yield marketplace


def test_the_quickstart_works_by_the_letter(marketplace: Marketplace, tmp_path: Path) -> None:
    """Two ports are the test's own; nothing else of what the reader types is changed."""
    model, words = free_ports(2)
    vendor, operator, *_ = re.findall(r"```sh\n(.*?)```", _TOUR, re.S)
    script = "\n".join([vendor, operator, *re.findall(r"```sh\n(.*?)```", _PAGE, re.S)])
    script = script.replace("9101", str(model)).replace("mp dev words", f"mp dev words --port {words}")
    made = "mp init words --template openapi-service"
    script = script.replace(made, f"{made}\nsed -i s/9000/{words}/ words/service.yaml")
    script = _STARTS.sub(r"\1 2>&1 & echo $! >> pids", script)
    reader = Reader(_folder(tmp_path, model), marketplace.exports)
    try:
        out = reader.run(script, f"{_PASSWORD}\n{marketplace.password}\n")
    finally:
        _end(tmp_path / "pids")
    assert "acme/embedder" in out
    assert "x-request-id: req_" in out
    assert '"prompt_tokens"' in out
    assert "acme/words 0.1.0 is approved and live." in out
    assert '"words_per_minute"' in out
    assert re.search(r'"words":\s*3', out)
    assert '"price_nanos"' in out


def _folder(folder: Path, port: int) -> Path:
    """What the reader has cloned, with the model at another port."""
    example = folder / "examples" / "embedder"
    example.mkdir(parents=True)
    for name in ("service.yaml", "openapi.yaml"):
        (example / name).write_text((ROOT / "examples/embedder" / name).read_text().replace("9101", str(port)))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def _end(pids: Path) -> None:
    for pid in pids.read_text().split() if pids.exists() else ():
        os.kill(int(pid), signal.SIGTERM)
