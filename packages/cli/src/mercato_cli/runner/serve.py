"""`python -m mercato_cli.runner serve`: a project's handler over HTTP, until SIGTERM."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

from mercato_cli.runner.answers import Answer, problem
from mercato_cli.runner.project import load_handler
from mercato_cli.runner.server import Limits, Server
from mercato_cli.runner.signals import PATH, Signals

_DOCUMENT = "openapi.yaml"


class Service:
    """What a project answers: its signals, its document, and how it is."""

    def __init__(self, project: Path, artifact: Path | None) -> None:
        """Loads everything at once, so that a call pays for nothing but itself. Raises `ProjectNotUsable`."""
        self._signals = Signals(load_handler(project, artifact), _say)
        self._document = _document(project)
        self.server = Server(self.answer, self.quick, Limits())

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Of the vendor's code."""
        return self._signals.answer(body)

    def quick(self, method: str, path: str) -> Answer | None:
        """Of everything else."""
        if path == PATH:
            return None if method == "POST" else _wrong_method(method, path, "POST")
        if path not in ("/healthz", "/openapi.json"):
            return problem("unknown_operation", f"There is no {path[:200]}.")
        if method not in ("GET", "HEAD"):
            return _wrong_method(method, path, "GET")
        return self._health() if path == "/healthz" else self._describe()

    def _health(self) -> Answer:
        if self.server.is_stuck:
            return Answer(503, b'{"status": "stuck"}')
        return Answer(200, b'{"status": "ok"}')

    def _describe(self) -> Answer:
        if self._document is None:
            return problem("unknown_operation", f"The project has no {_DOCUMENT}.")
        return Answer(200, self._document)


def serve(project: Path, artifact: Path | None, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. Raises `ProjectNotUsable`, or `OSError` when the address cannot be had."""
    service = Service(project, artifact)
    # A large request makes many small objects, and each collection they cause would walk through all that was imported.
    gc.collect()
    gc.freeze()
    asyncio.run(_serve(service.server, host, port))


async def _serve(server: Server, host: str, port: int) -> None:
    port = await server.start(host, port)
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    sys.stdout.write(json.dumps({"event": "ready", "address": address}) + "\n")
    sys.stdout.flush()
    await ended.wait()
    await server.stop()


def _wrong_method(method: str, path: str, right: str) -> Answer:
    return problem("wrong_method", f"{path} is called with {right}, not {method[:16]}.", headers={"allow": right})


def _document(project: Path) -> bytes | None:
    import yaml

    path = project / _DOCUMENT
    if not path.is_file():
        return None
    return json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str).encode()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
