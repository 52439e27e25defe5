"""`mercato serve`: one role as its own process, in the foreground, until SIGINT or SIGTERM."""

import asyncio
import os
import signal
import threading
from pathlib import Path
from types import FrameType

import click

from mercato.app.memory import collector_paused, leave_out_rich, return_memory_early
from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings, internal_port_of
from mercato.app.usable import require_usable

ROLE_PORTS = {
    "publishing": 3001,
    "discovery": 3002,
    "consumption": 3003,
    "accounts": 3004,
    "vendors": 3006,
    "admin": 3007,
}
"""The ports of the control plane's roles when they run apart."""

_PARENT_GONE_SECONDS = 45
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("role", type=click.Choice([*ROLE_PORTS, "control", "gateway", "worker"]))
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option(
    "--internal-port", type=click.IntRange(1, 65535), help="The control plane's port for gateways and metrics."
)
@click.option("--workers", type=click.IntRange(1, 256), help="Gateway processes, one a core.")
@click.option("--tls-cert", type=_FILE, help="The certificate: TLS 1.3 for everybody, or MERCATO_TLS_CERT.")
@click.option("--tls-key", type=_FILE, help="Its key; both are read again when they change.")
@click.option(
    "--client-ca",
    type=_FILE,
    help="Authorities of clients' certificates: of gateways at the internal port, of callers at a gateway.",
)
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when standard input ends.")
@click.pass_obj
def serve(
    settings: Settings,
    role: str,
    host: str | None,
    port: int | None,
    internal_port: int | None,
    workers: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    with_parent: bool,
) -> None:
    """Run one ROLE until it is stopped; any number of replicas by --port.

    The control plane is `control`, or apart: publishing (3001), discovery (3002), consumption (3003), accounts
    (3004), vendors (3006) and admin (3007). Gateways and metrics have a port of their own, 100 above. `worker` does
    what is durable and answers health on 3005; `gateway` takes the calls (8080). Calls in hand are finished before it
    ends. Without DATABASE_URL the embedded PostgreSQL of the state folder is started or joined.
    """
    host = host or settings.host
    settings = _with_tls(settings, tls_cert=tls_cert, tls_key=tls_key, client_ca=client_ca)
    require_usable(settings)
    if role == "gateway":
        from mercato.app.gateway import become_gateway

        port, workers = port or settings.gateway_port, workers or settings.gateway_workers
        become_gateway(settings, host, port, workers, client_ca, with_parent=with_parent)
    _become_process(settings, with_parent=with_parent)
    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        if role == "worker":
            _run_worker(settings, url, host, port or settings.worker_port)
        elif role == "control":
            _run_control(settings, url, list(ROLE_PORTS), host, port or settings.port, internal_port)
        else:
            _run_control(settings, url, [role], host, port or ROLE_PORTS[role], internal_port)


def _with_tls(settings: Settings, **files: Path | None) -> Settings:
    return settings.model_copy(update={name: path for name, path in files.items() if path is not None})


def _become_process(settings: Settings, *, with_parent: bool) -> None:
    """What every process of the control plane sets before its work: memory, logs, signals."""
    return_memory_early()
    leave_out_rich()
    from mercato.platform import configure_logging

    configure_logging(settings.log_level)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    if with_parent:
        _end_with_parent()


def _run_control(
    settings: Settings, url: str, roles: list[str], host: str, port: int, internal_port: int | None
) -> None:
    with collector_paused():
        from mercato.app.control import build_wiring, create_app, create_internal_app
        from mercato.app.listeners import Listeners, listen
        from mercato.app.places import with_probes
        from mercato.app.tls import Tls
        from mercato.app.tracing import with_tracer

    internal_port = internal_port or internal_port_of(settings, port)
    public = listen(host, port, "--port")
    internal = listen(settings.internal_host, internal_port, "--internal-port or MERCATO_INTERNAL_PORT")
    # Links to files name this process, unless MERCATO_PUBLIC_URL says where clients reach it.
    settings = settings.model_copy(update={"host": host, "port": port})
    service = "mercato-control" if len(roles) > 1 else f"mercato-{roles[0]}"
    wiring = with_tracer(with_probes(build_wiring(settings, url), settings), settings, service)
    app = create_app(wiring, roles)
    listeners = Listeners(app, create_internal_app(app, roles), wiring, public, internal, Tls.of(settings))
    listeners.serve_until_stopped()


def _run_worker(settings: Settings, url: str, host: str, port: int) -> None:
    with collector_paused():
        import uvloop

        from mercato.app.worker import run_worker
        from mercato.app.worker_health import WorkerHealth

    async def work() -> None:
        stop, health = asyncio.Event(), WorkerHealth()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with health.listening(host, port):
            await run_worker(settings, url, stop, health.ready, port=port)

    uvloop.run(work())


def _leave(number: int, frame: FrameType | None) -> None:
    # Before a server has its own handlers; and after uvicorn, which raises the signal again when it is done.
    raise SystemExit(0)


def _end_with_parent() -> None:
    """Stop when standard input ends: `mercato up` holds the other end, and the kernel lets go of it however it dies."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(_PARENT_GONE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
