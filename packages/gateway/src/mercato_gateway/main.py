"""`mercato-gateway`: reads the settings once and runs the workers."""

import argparse
import sys

from mercato_gateway.log import log
from mercato_gateway.settings import Settings, add_arguments, read_settings
from mercato_gateway.spool import SpoolLocked
from mercato_gateway.supervisor import Supervisor
from mercato_gateway.worker import run_worker


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. One worker runs in this process, several as children of it."""
    if settings.workers <= 1:
        run_worker(settings, 0)
    else:
        Supervisor(settings).run()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="mercato-gateway", description="The data plane of Mercato.")
    add_arguments(parser)
    parser.add_argument("--worker", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        settings = read_settings(arguments)
        if arguments.worker is None:
            run(settings)
        else:
            run_worker(settings, arguments.worker, parent_pipe=0)
    except (SpoolLocked, OSError, ValueError) as error:
        log("gateway_cannot_start", reason=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
