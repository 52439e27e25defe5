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
    for number in range(_ROUNDS):
        state, begin, asked = tmp_path / str(number), forking.Barrier(_AT_ONCE), forking.SimpleQueue()
        processes = [forking.Process(target=_ask, args=(Settings(state=state), begin, asked)) for _ in range(_AT_ONCE)]
        for each in processes:
            each.start()
        for each in processes:
            each.join(600)
        found = {asked.get() for _ in processes}
        assert found == {(state / "secrets/gateway.token").read_text()}
        assert [file.name for file in (state / "secrets").iterdir()] == ["gateway.token"]


def _ask(settings: Settings, begin: Barrier, asked: "SimpleQueue[str]") -> None:
    begin.wait(600)
    try:
        asked.put(settings.gateway_token)
    except OSError as error:
        asked.put(repr(error))
