"""Rotates the ring of a file again and again, as a process that may be killed."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from mercato.adapters.ring_file import RingFile


def main() -> None:
    file, times = RingFile(Path(sys.argv[1])), int(sys.argv[2])
    for _ in range(times):
        ring = file.change(lambda ring: ring.add(os.urandom(32), datetime.now(UTC)))
        print(ring.last.id, flush=True)


if __name__ == "__main__":
    main()
