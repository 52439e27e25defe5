"""`mercato up`: the whole marketplace on this machine, from one command."""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.adapters.postgres_place import PostgresNotStarted
from mercato.app.ports import is_free, ports_of
from mercato.app.prepare import Preparation
from mercato.app.settings import Settings, internal_port_of
from mercato.app.supervisor import ChildFailed, Program, Supervisor
from mercato.app.usable import require_usable

_PORTS_SECONDS = 60.0


@click.command()
@click.option("--host", help="The address that the control plane and the gateway listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of the control API.")
@click.option("--gateway-port", type=click.IntRange(1, 65535), help="The port of the gateway.")
@click.option("--workers", type=click.IntRange(1, 256), help="Gateway processes, one a core.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output once all is ready.")
@click.pass_obj
def up(
    settings: Settings,
    host: str | None,
    port: int | None,
    gateway_port: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Run the whole marketplace here until Ctrl-C or SIGTERM.

    Starts PostgreSQL unless DATABASE_URL is set, brings its schema up to date, then the control plane (8000), the
    worker and the gateway (8080) as separate processes, and waits until each is ready. The first time it prints the
    first administrator's password and a first key, once. What dies is started again; on SIGINT and SIGTERM everything
    it started is drained and stopped.
    """
    given = {"host": host, "port": port, "gateway_port": gateway_port, "gateway_workers": workers}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    require_usable(settings)
    if settings.client_ca is not None:
        raise click.ClickException(
            "MERCATO_CLIENT_CA is for `mercato serve` on several machines: here the internal port is on loopback only; "
            "unset it, or start the roles one by one"
        )
    with only_one(settings.state) as after_kill:
        _Marketplace(settings, as_json=as_json).run(after_kill=after_kill)


@contextmanager
def only_one(state: Path) -> Iterator[bool]:
    """Hold the state folder; says whether the `up` before was killed. The kernel lets go of it with the process.

    Raises `ClickException` when another `up` holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    lock = os.open(state / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        written = os.pread(lock, 32, 0).decode().strip()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield bool(written)
        os.ftruncate(lock, 0)
    except BlockingIOError:
        raise click.ClickException(
            f"a marketplace runs in {state.resolve()} already (process {written}): stop it with `kill {written}`, "
            "or use another folder with --state and other ports"
        ) from None
    finally:
        os.close(lock)


class _Marketplace:
    """One run of `up`."""

    def __init__(self, settings: Settings, *, as_json: bool) -> None:
        self._settings = settings
        self._as_json = as_json
        self._printing = threading.Lock()
        self._ended = threading.Event()
        self._supervisor = Supervisor(settings.state / "logs", self._tell)

    def run(self, *, after_kill: bool) -> None:
        """Start, watch, stop. Raises `ClickException` when it cannot be started; then nothing is left running."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self._await_ports(_PORTS_SECONDS if after_kill else 0)
        if self._settings.direct_url is not None:
            from mercato.app.sessions import require_sessions  # which brings the libraries of the control plane along

            require_sessions(self._settings)
            return self._run_on(None)
        self._tell("starting: postgresql, control plane, worker, gateway")
        server = EmbeddedPostgres(self._settings.state / "postgres", self._tell)
        url = server.start()
        self._tell(f"{'postgresql':<14} ready (embedded)")
        keeper = threading.Thread(target=self._keep_running, args=(server,), name="PostgreSQL", daemon=True)
        try:
            keeper.start()
            self._run_on(url)
        finally:
            self._ended.set()
            keeper.join()
            stopped = server.stop()
            self._tell(f"{'postgresql':<14} {'stopped' if stopped else 'runs on: another process uses it'}")

    def _run_on(self, embedded: str | None) -> None:
        try:
            self._start_on(embedded)
            self._supervisor.watch()
        except ChildFailed as error:
            raise click.ClickException(str(error)) from None
        finally:
            self._supervisor.stop()

    def _start_on(self, embedded: str | None) -> None:
        preparation = Preparation(self._environment(embedded))
        try:
            before, after = preparation.revisions()
            self._tell(f"{'schema':<14} {after}" + ("" if before == after else f", was {before or 'empty'}"))
            self._supervisor.start(self._programs(embedded))
            if self._supervisor.is_wanted:
                # Everything runs: say where, and the first time what is shown once.
                self._welcome(preparation.firsts())
        finally:
            preparation.end()

    def _environment(self, embedded: str | None) -> dict[str, str]:
        return {**self._settings.to_environment(), **({} if embedded is None else {"DATABASE_URL": embedded})}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._supervisor.ask_to_stop()

    def _tell(self, text: str) -> None:
        with self._printing:
            click.echo(text, err=self._as_json)

    def _await_ports(self, seconds: float) -> None:
        """After a SIGKILL of an earlier `up` its children drain for a moment and still hold their ports."""
        deadline = time.monotonic() + seconds
        has_reported = False
        while taken := [port for port in ports_of(self._settings) if not is_free(port)]:
            names = ", ".join(f"{port.number} ({port.use})" for port in taken)
            if time.monotonic() >= deadline:
                move = " and ".join(sorted({port.setting for port in taken}))
                raise click.ClickException(
                    f"port {names} is in use by another program: stop it, or choose another with {move}"
                )
            if not self._supervisor.is_wanted:
                return
            if not has_reported:
                self._tell(f"waiting for the run that was killed to let go of port {names}")
                has_reported = True
            time.sleep(0.2)

    def _keep_running(self, server: EmbeddedPostgres) -> None:
        while not self._ended.wait(1.0):
            if server.pid is None:
                self._tell("PostgreSQL ended; it starts again")
                try:
                    server.start()
                except PostgresNotStarted as error:
                    self._tell(str(error))

    def _programs(self, embedded: str | None) -> list[Program]:
        settings = self._settings
        environment = self._environment(embedded)
        serve = [sys.executable, "-m", "mercato.app.main", "serve", "--with-parent"]
        words = {"control": [*serve, "control"], "worker": [*serve, "worker", "--host", "127.0.0.1"]}
        admin_ports = range(settings.gateway_admin_port, settings.gateway_admin_port + settings.gateway_workers)
        addresses = {
            "control": [f"http://{_local(settings.internal_host)}:{internal_port_of(settings, settings.port)}"],
            "worker": [f"http://127.0.0.1:{settings.worker_port}"],
            "gateway": [f"http://127.0.0.1:{port}" for port in admin_ports],
        }
        return [
            Program(role, words.get(role, [*serve, role]), environment, [f"{address}/readyz" for address in bases])
            for role, bases in addresses.items()
        ]

    def _welcome(self, firsts: Any) -> None:
        scheme = self._settings.scheme
        control = f"{scheme}://{_local(self._settings.host)}:{self._settings.port}"
        gateway = f"{scheme}://{_local(self._settings.host)}:{self._settings.gateway_port}"
        if self._as_json:
            shown = firsts or {"administrator": None, "consumer": None}
            click.echo(json.dumps({"control_url": control, "gateway_url": gateway, "pid": os.getpid(), **shown}))
            return
        lines = ["", f"console, API   {control}   (documentation: {control}/docs)", f"gateway        {gateway}"]
        if firsts:
            lines += _once(firsts)
        lines += ["", "In the terminal where you use it, paste:", *_exports(control, gateway, firsts)]
        self._tell("\n".join([*lines, "", "Ctrl-C stops everything."]))


def _once(firsts: Any) -> list[str]:
    administrator, consumer = firsts["administrator"], firsts["consumer"]
    lines = ["", "Shown this once and kept nowhere:"]
    lines.append(f"administrator  {administrator['email']}   password {administrator['password']}")
    if consumer:
        lines.append(f"consumer       {consumer['email']}   password {consumer['password']}")
    return lines


def _exports(control: str, gateway: str, firsts: Any) -> list[str]:
    """Lines for a shell: what `mp` and the README's commands need to know."""
    lines = [f"export MERCATO_URL={control}", f"export MERCATO_GATEWAY_URL={gateway}"]
    if firsts and firsts["consumer"]:
        lines.append(f"export KEY={firsts['consumer']['key']}   # the first consumer's; shown this once too")
    return lines


def _local(host: str) -> str:
    """Where this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
