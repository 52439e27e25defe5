"""Two workers on one database: what one leaves, however it ends, the other goes on with, and no step is lost."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.waiting import until

PROGRAM = Path(__file__).with_name("presence_worker.py")
Worker = asyncio.subprocess.Process
Starts = Callable[[str], Awaitable[Worker]]


class Diary:
    """What workers wrote down: subject, step, who."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def did(self, who: str, subject: str = "a") -> list[str]:
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [line[1] for line in lines if line[0] == subject and line[2:] == [who]]

    def let_go(self, subject: str = "a") -> None:
        """The second step may end."""
        with self.path.open("a") as file:
            file.write(f"go {subject}\n")


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "diary")


@pytest.fixture
async def start(database_url: str, diary: Diary) -> AsyncIterator[Starts]:
    """Starts a worker of this name, and ends it with the test."""
    async with AsyncExitStack() as stack:

        async def begin(name: str) -> Worker:
            return await stack.enter_async_context(_running(database_url, diary.path, name))

        yield begin


@asynccontextmanager
async def _running(database_url: str, diary: Path, name: str) -> AsyncIterator[Worker]:
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), database_url, str(diary), name, stdin=pipe, stdout=pipe
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"ready\n"
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
        await worker.wait()


def order(worker: Worker, subject: str) -> None:
    assert worker.stdin is not None
    worker.stdin.write(f"{subject}\n".encode())


def states(database_url: str) -> Counter[str]:
    with psycopg.connect(database_url) as database:
        return Counter(row[0] for row in database.execute("SELECT status FROM dbos.workflow_status").fetchall())


async def test_what_a_killed_worker_had_in_hand_another_one_ends(
    start: Starts, diary: Diary, database_url: str
) -> None:
    first, _ = await start("first"), await start("second")
    order(first, "a")
    await until(lambda: diary.did("first") == ["1", "2"])
    first.kill()
    diary.let_go()
    await until(lambda: states(database_url) == {"SUCCESS": 1})
    assert diary.did("second") == ["2", "3"], "what had ended is not done again"


async def test_what_a_worker_leaves_that_is_stopped_another_one_takes_up_at_once(
    start: Starts, diary: Diary, database_url: str
) -> None:
    first, _ = await start("first"), await start("second")
    order(first, "a")
    await until(lambda: diary.did("first") == ["1", "2"])
    first.terminate()
    await first.wait()
    diary.let_go()
    await until(lambda: diary.did("second") == ["2", "3"])
    await until(lambda: states(database_url) == {"SUCCESS": 1})


async def test_a_worker_that_was_only_slow_does_not_disturb_who_took_over(
    start: Starts, diary: Diary, database_url: str
) -> None:
    first, second = await start("first"), await start("second")
    order(first, "a")
    await until(lambda: diary.did("first") == ["1", "2"])
    first.send_signal(signal.SIGSTOP)
    await until(lambda: diary.did("second") == ["2"])
    first.send_signal(signal.SIGCONT)
    diary.let_go()
    await until(lambda: states(database_url) == {"SUCCESS": 1})
    assert [*diary.did("first"), *diary.did("second")].count("3") == 1
    order(second, "b")
    await until(lambda: diary.did("second", "b") == ["1", "2"])
    diary.let_go("b")
    await until(lambda: states(database_url) == {"SUCCESS": 2})
    assert diary.did("first", "b") == []


@pytest.mark.slow
async def test_workers_that_live_leave_each_other_alone(start: Starts, diary: Diary, database_url: str) -> None:
    first, second = await start("first"), await start("second")
    order(first, "a")
    order(second, "b")
    await until(lambda: diary.did("first") == ["1", "2"] and diary.did("second", "b") == ["1", "2"])
    with psycopg.connect(database_url, autocommit=True) as database:
        said = "SELECT bool_and(now() - at < interval '1 s'), min(at) FROM name_holders WHERE name LIKE 'worker/%'"
        begun = database.execute("SELECT now()").fetchone()
        assert begun is not None
        # They go on saying so for longer than the dead are waited for.
        await until(lambda: _said_for(database.execute(said).fetchone(), begun[0]) > 4)
    diary.let_go("a")
    diary.let_go("b")
    await until(lambda: states(database_url) == {"SUCCESS": 2})
    assert diary.did("second") == diary.did("first", "b") == []


def _said_for(row: tuple[object, object] | None, begun: object) -> float:
    assert row is not None
    return (row[1] - begun).total_seconds()  # type: ignore[operator,no-any-return]


@pytest.mark.slow
async def test_a_worker_of_a_release_that_never_says_it_lives_is_waited_for_longer(
    start: Starts, diary: Diary, database_url: str
) -> None:
    first, _ = await start("first"), await start("second")
    order(first, "a")
    await until(lambda: diary.did("first") == ["1", "2"])
    first.kill()
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("DELETE FROM name_holders WHERE name = 'worker/first'")
        noted = "SELECT holder, at < now() FROM name_holders WHERE name = 'worker/first'"
        await until(lambda: database.execute(noted).fetchone() == ("unknown", False))
    diary.let_go()
    await until(lambda: states(database_url) == {"SUCCESS": 1})
    assert diary.did("second") == ["2", "3"]
