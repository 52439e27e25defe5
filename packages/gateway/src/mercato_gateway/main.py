"""`mercato-gateway`: reads the settings once and runs the workers."""

import argparse
import sys

from mercato_gateway.log import log
from mercato_gateway.settings import Settings, add_arguments, read_settings
from mercato_gateway.supervisor import StateLocked, Supervisor, end_with_parent


def main() -> None:
    """The command: serves until SIGTERM or SIGINT, then drains; SIGHUP replaces the workers without losing a call."""
    parser = argparse.ArgumentParser(prog="mercato-gateway", description="The data plane of Mercato.")
    add_arguments(parser)
    for number in ("worker", "listen-fd", "admin-fd", "ready-fd"):
        parser.add_argument(f"--{number}", type=int, default=None, help=argparse.SUPPRESS)
    for name in ("successor", "with-parent"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        settings = read_settings(arguments)
        if arguments.worker is None:
            if arguments.with_parent:
                end_with_parent()
            Supervisor(settings).run()
        else:
            _run_worker(settings, arguments)
    except (StateLocked, OSError, ValueError) as error:
        log("gateway_cannot_start", reason=str(error))
        sys.exit(1)


def _run_worker(settings: Settings, given: argparse.Namespace) -> None:
    # Only workers need all of it; the parent stays small.
    from mercato_gateway.worker import Place, run_worker

    place = Place(given.worker, given.listen_fd, given.admin_fd, given.ready_fd, given.successor)
    run_worker(settings, place)


if __name__ == "__main__":
    main()
