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
            _check_tls(settings)
            _check_tracing(settings)
            Supervisor(settings).run()
        else:
            _run_worker(settings, arguments)
    except (StateLocked, OSError, ValueError) as error:
        log("gateway_cannot_start", reason=str(error))
        sys.exit(1)


def _check_tls(settings: Settings) -> None:
    """Says what is wrong once, instead of starting workers that end at once."""
    if settings.tls_cert or settings.tls_key or settings.client_ca or settings.control_cert or settings.control_ca:
        from mercato_contracts.server_tls import client_context, server_tls

        server_tls(settings.tls_cert, settings.tls_key, settings.client_ca)
        client_context(settings.control_ca, settings.control_cert, settings.control_key)


def _check_tracing(settings: Settings) -> None:
    """Says what is wrong once, as with TLS."""
    if not 0.0 <= settings.trace_ratio <= 1.0:
        raise ValueError("trace_ratio is between 0 and 1")
    if settings.otlp_url:
        from mercato_contracts.otlp import check_collector_url

        check_collector_url(settings.otlp_url)


def _run_worker(settings: Settings, given: argparse.Namespace) -> None:
    # Only workers need all of it; the parent stays small.
    from mercato_gateway.worker import Place, run_worker

    place = Place(given.worker, given.listen_fd, given.admin_fd, given.ready_fd, given.successor)
    run_worker(settings, place)


if __name__ == "__main__":
    main()
