"""`python -m demo`: tells the story, exits 0 when everything agrees, stops everything it started."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import httpx

from demo.command import CommandRefused
from demo.control import ControlRefused
from demo.load import NotAnswered
from demo.processes import NotReady, Processes
from demo.report import Report
from demo.story import Story


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def tell(folder: Path, *, with_llm: bool) -> int:
    """The exit code: 0 when all agrees, 1 when something does not, 130 when it was interrupted."""
    report = Report()
    with Processes(folder) as processes:
        try:
            Story(report, processes, folder, with_llm=with_llm).run()
        except KeyboardInterrupt:
            report.say("interrupted")
            return 130
        except (NotReady, ControlRefused, CommandRefused, NotAnswered, httpx.HTTPError, AssertionError) as stuck:
            report.say(processes.last_words())
            report.disagree(f"{type(stuck).__name__}: {stuck}")
        finally:
            # A second Ctrl-C must not leave half of it running.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            report.say("stopping what was started")
    return report.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--llm", action="store_true", help="also sell a small language model and stream chats from it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="mercato-demo-", ignore_cleanup_errors=True) as name:
        # Root's PostgreSQL runs as a user of its own: in a closed folder its data would lie, and stay, elsewhere.
        Path(name).chmod(0o755)
        return tell(Path(name), with_llm=options.llm)


if __name__ == "__main__":
    sys.exit(main())
