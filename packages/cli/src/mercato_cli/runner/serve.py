"""`python -m mercato_cli.runner serve`: a project's handler over HTTP, until SIGTERM."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

from mercato_cli.runner.server import Server
from mercato_cli.runner.service import Service


def serve(project: Path, artifact: Path | None, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. Raises `ProjectNotUsable`, or `OSError` when the address cannot be had."""
    service = Service(project, artifact, _say)
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


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
