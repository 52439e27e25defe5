"""The README's five minutes, by the letter, on real processes."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.reader import ROOT, Marketplace, Reader, make_up

TOUR = (ROOT / "README.md").read_text().partition("## Five minutes")[2].partition("## Read on")[0]
_PASSWORD = "correct horse battery"
_MODEL_PORT = "9101"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    with make_up() as marketplace:
        yield marketplace


def test_the_five_minutes_work_by_the_letter(marketplace: Marketplace, tmp_path: Path) -> None:
    """On ports of its own: nothing but the model's port is changed in what the reader types."""
    (port,) = free_ports(1)
    folder = _repository(tmp_path, port)
    vendor, operator, consumer = re.findall(r"```sh\n(.*?)```", TOUR, re.S)
    (program,) = re.findall(r"```python\n(.*?)```", TOUR, re.S)
    (folder / "program.py").write_text(program)
    vendor = vendor.replace(_MODEL_PORT, str(port)).replace("> /dev/null &", "> /dev/null 2>&1 & echo $! > model.pid")
    reader = Reader(folder, marketplace.exports)
    # Sign-up and sign-in read their passwords in this order.
    passwords = f"{_PASSWORD}\n{marketplace.password}\n"
    try:
        out = reader.run("\n".join([vendor, operator, consumer, "python program.py"]), passwords)
    finally:
        if (folder / "model.pid").exists():
            os.kill(int((folder / "model.pid").read_text()), signal.SIGTERM)
    assert "acme/embedder 1.0.0 is approved and live." in out
    assert "Subscribed to acme/embedder, plan per-token" in out
    assert '"embedding"' in out
    assert "384 numbers" in out


def _repository(folder: Path, port: int) -> Path:
    """What the reader has cloned, with the model at another port."""
    example = folder / "examples" / "embedder"
    example.mkdir(parents=True)
    for name in ("service.yaml", "openapi.yaml"):
        text = (ROOT / "examples/embedder" / name).read_text()
        (example / name).write_text(text.replace(_MODEL_PORT, str(port)))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
