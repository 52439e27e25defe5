"""The secrets that a marketplace makes for itself at its first start."""

import multiprocessing
import os
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from mercato.app.settings import Settings

_AT_ONCE = 8
_ROUNDS = 40
"""Secrets that differed were seen in one round of seven."""


def test_containers_that_start_at_once_end_up_with_one_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The process of every container has number 1.
    monkeypatch.setattr(os, "getpid", lambda: 1)
    forking = multiprocessing.get_context("fork")
    begin, asked = forking.Barrier(_AT_ONCE), forking.SimpleQueue()
    processes = [forking.Process(target=_ask_in_each, args=(tmp_path, begin, asked)) for _ in range(_AT_ONCE)]
    for each in processes:
        each.start()
    found: list[set[str]] = [set() for _ in range(_ROUNDS)]
    for _ in range(_AT_ONCE * _ROUNDS):
        number, secret = asked.get()
        found[number].add(secret)
    for each in processes:
        each.join(600)
    for number in range(_ROUNDS):
        secrets = tmp_path / str(number) / "secrets"
        assert found[number] == {(secrets / "gateway.token").read_text()}
        assert [file.name for file in secrets.iterdir()] == ["gateway.token"]


def _ask_in_each(folder: Path, begin: Barrier, asked: "SimpleQueue[tuple[int, str]]") -> None:
    """Each round has a folder of its own, and all processes begin it at once."""
    for number in range(_ROUNDS):
        settings = Settings(state=folder / str(number))
        begin.wait(600)
        try:
            asked.put((number, settings.gateway_token))
        except OSError as error:
            asked.put((number, repr(error)))
