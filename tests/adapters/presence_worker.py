"""One of several workers: `presence_worker.py DATABASE_URL DIARY EXECUTOR`. A line of its input starts a workflow."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

from mercato.adapters.dbos_presence import Patience, WorkerPresence
from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, Steps, Workflow

DATABASE_URL, DIARY, EXECUTOR = sys.argv[1:]
PATIENCE = Patience(looks=timedelta(seconds=0.2), gone=timedelta(seconds=3), unknown=timedelta(seconds=6))
STEPS = ("1", "2", "3")


async def note(subject: str, step: str) -> str:
    """Writes down who did the step; the second one lasts until the test says so."""
    with open(DIARY, "a") as diary:
        diary.write(f"{subject} {step} {EXECUTOR}\n")
    while step == "2" and f"go {subject}" not in Path(DIARY).read_text():
        await asyncio.sleep(0.02)
    return step


async def run(steps: Steps, subject: str) -> None:
    for step in STEPS:
        assert await steps.run("note", step) == step


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database(DATABASE_URL)
    engine = DbosWorkflows(
        DATABASE_URL, [Workflow("work", run, {"note": note})], executor=EXECUTOR, version="1", close_within_seconds=0.2
    )
    presence = WorkerPresence(database, engine, executor=EXECUTOR, version="1", patience=PATIENCE)
    await presence.arrive()
    await engine.open()
    looking = asyncio.create_task(presence.run())
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    starting = asyncio.create_task(_start(engine, reader))
    print("ready", flush=True)
    await stop.wait()
    for task in (looking, starting):
        task.cancel()
    await asyncio.gather(looking, starting, return_exceptions=True)
    await engine.close()
    await presence.leave()
    await database.close()


async def _start(engine: DbosWorkflows, reader: asyncio.StreamReader) -> None:
    async for line in reader:
        await engine.start("work", line.decode().strip())


asyncio.run(main())
