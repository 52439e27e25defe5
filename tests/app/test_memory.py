"""What a process does with memory that it no longer needs."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys
from pathlib import Path
from mercato.app.memory import return_memory_early

def held():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) // 1024

if sys.argv[1] == "early":
    return_memory_early()
before = held()
for _ in range(3):
    blocks = [bytearray(19_000_000) for _ in range(2)]
    for block in blocks:
        block[:] = b"x" * len(block)
    kept = bytes(100)
    del blocks, block
print(held() - before)
"""


def held_afterwards(way: str, **environment: str) -> int:
    words = [sys.executable, "-c", PROGRAM, way]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={**inherited, **environment})
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_large_blocks_are_given_back_at_once() -> None:
    assert held_afterwards("early") <= 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_environment_decides_where_it_says_something() -> None:
    assert held_afterwards("early", MALLOC_TRIM_THRESHOLD_="100000000", MALLOC_MMAP_THRESHOLD_="100000000") > 10
