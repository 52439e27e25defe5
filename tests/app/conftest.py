"""A fresh state folder with free ports for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import running


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of this test alone; who still uses it afterwards is killed."""
    with running.open_folder() as folder:
        yield folder


@pytest.fixture
def place(open_folder: Path) -> running.Place:
    """A state folder and ports of this test alone."""
    return running.Place(open_folder)
