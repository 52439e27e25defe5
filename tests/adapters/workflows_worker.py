"""A worker that a test kills: `workflows_worker.py DATABASE_URL DIARY [start] [send] [die MOMENT]`."""

import asyncio
import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from mercato.platform import Steps, Workflow

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.engines import engine_of_test

DATABASE_URL, DIARY, *ORDERS = sys.argv[1:]
DEATH = next((order.removeprefix("die ") for order in ORDERS if order.startswith("die ")), "")
DONE = asyncio.Event()


def die_at(moment: str) -> None:
    if moment == DEATH:
        os.kill(os.getpid(), signal.SIGKILL)


async def note(_: str, step: str) -> str:
    with open(DIARY, "a") as diary:
        diary.write(f"{step}\n")
        diary.flush()
        os.fsync(diary.fileno())
    die_at(f"in {step}")
    return step


async def run(steps: Steps, subject: str) -> None:
    for step in ("1", "2"):
        assert await steps.run("note", step) == step
    die_at("after 2")
    await steps.run("note", "3")
    if DEATH == "waiting":
        threading.Timer(0.3, die_at, ["waiting"]).start()
    assert await steps.wait("decision", timedelta(days=7)) == "go"
    await steps.run("note", "4")
    home.call_soon_threadsafe(DONE.set)


async def main() -> None:
    global home
    home = asyncio.get_running_loop()
    engine = engine_of_test(DATABASE_URL, [Workflow("work", run, {"note": note})])
    await engine.open()
    if "start" in ORDERS:
        await engine.start("work", "a")
    if "send" in ORDERS or DEATH == "in 4":
        await engine.send("work", "a", "decision", "go", once="1")
    await DONE.wait()
    await engine.close()


home: asyncio.AbstractEventLoop
asyncio.run(main())
