"""`python -m demo`: tells the story, exits 0 when everything agrees, stops everything it started."""

import argparse
import contextlib
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


def _wait_for_ctrl_c() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def tell(folder: Path, *, with_llm: bool, ports: tuple[int, int] | None = None) -> int:
    """The exit code: 0 when all agrees, 1 when something does not, 130 when it was interrupted.

    With `ports`, of the control plane and the gateway, the marketplace stays until it is interrupted.
    """
    report = Report()
    with Processes(folder) as processes:
        try:
            story = Story(report, processes, folder, with_llm=with_llm, ports=ports)
            cast = story.run()
            if ports is not None:
                story.stay(cast)
                _wait_for_ctrl_c()
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
    parser.add_argument("--stay", action="store_true", help="let the marketplace run afterwards, until Ctrl-C")
    parser.add_argument("--port", type=int, default=8000, help="of the control plane, with --stay")
    parser.add_argument("--gateway-port", type=int, default=8080, help="with --stay")
    options = parser.parse_args()
    ports = (options.port, options.gateway_port) if options.stay else None
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="mercato-demo-", ignore_cleanup_errors=True) as name:
        # Root's PostgreSQL runs as a user of its own: in a closed folder its data would lie, and stay, elsewhere.
        Path(name).chmod(0o755)
        return tell(Path(name), with_llm=options.llm, ports=ports)


if __name__ == "__main__":
    sys.exit(main())
