"""A process that serves `/api/search` over an index on disk, as the control plane does; for `bench.discovery_http`.

    python -m bench.discovery_server FOLDER PORT

FOLDER is what `bench.discovery_opening.fill` made. It prints `ready MEGABYTES` (of resident memory) when it serves.
"""

import asyncio
import resource
import sys
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from bench.discovery_opening import MARK
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.api import discovery
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import Searching
from mercato.edge.answer_cache import AnswerCache
from mercato.edge.middleware import Edge
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running


async def serve(folder: Path, port: int) -> None:
    index = KeptSearchIndex(folder, dimensions=384)
    assert await index.look(MARK), "bench.discovery_opening.fill makes it"
    embedder = MiniLmEmbedder()
    embedder.embed_now(["the model loads with the first text"])
    searching = Searching(index, embedder)
    app = FastAPI()
    app.include_router(discovery.router)
    with tempfile.TemporaryDirectory() as state:
        wiring = build_wiring(Settings(state=Path(state)), "postgresql://nobody@127.0.0.1/nothing")
        set_running(app, Running(wiring, searching=searching))
        install_problems(app)
        app.add_middleware(AnswerCache, versions={"/api/search": lambda: searching.version})
        app.add_middleware(Edge, ids=wiring.ids, proxies=wiring.proxies, room=wiring.body_room)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ready {memory:.0f}", flush=True)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
        await uvicorn.Server(config).serve()
        await wiring.close()
        await index.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
