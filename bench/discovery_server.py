"""A process that serves `/api/search` over many listings, as the control plane does; for `bench.discovery_http`.

    python -m bench.discovery_server FILE PORT

FILE holds pickled `(listings, cached)`. It prints `ready SECONDS MEGABYTES` (to build the index; resident memory).
"""

import asyncio
import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.api import discovery
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import ListingDocument, Searching
from mercato.edge.answer_cache import AnswerCache
from mercato.edge.middleware import Edge
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running

_AT_ONCE = 1_000


async def serve(listings: list[ListingDocument], port: int, *, cached: bool) -> None:
    began = time.perf_counter()
    index = EmbeddedSearchIndex(dimensions=384)
    for start in range(0, len(listings), _AT_ONCE):
        await index.apply(listings[start : start + _AT_ONCE])
    took = time.perf_counter() - began
    embedder = MiniLmEmbedder()
    embedder.embed_now(["the model loads with the first text"])
    searching = Searching(index, embedder)
    app = FastAPI()
    app.include_router(discovery.router)
    with tempfile.TemporaryDirectory() as state:
        wiring = build_wiring(Settings(state=Path(state)), "postgresql://nobody@127.0.0.1/nothing")
        set_running(app, Running(wiring, searching=searching))
        install_problems(app)
        if cached:
            app.add_middleware(AnswerCache, versions={"/api/search": lambda: searching.version})
        app.add_middleware(Edge, ids=wiring.ids, proxies=wiring.proxies, room=wiring.body_room)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ready {took:.2f} {memory:.0f}", flush=True)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
        await uvicorn.Server(config).serve()
        await wiring.close()


if __name__ == "__main__":
    listings, cached = pickle.loads(Path(sys.argv[1]).read_bytes())
    asyncio.run(serve(listings, int(sys.argv[2]), cached=cached))
