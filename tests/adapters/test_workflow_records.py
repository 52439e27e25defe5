"""What operators see of workflows, whatever the engine: in order, page by page, each once."""

from datetime import timedelta

from mercato.platform import Database, Steps, WorkflowRecord, place_of
from tests.adapters.conftest import Diary, OpenEngine
from tests.support.engines import records_of_test
from tests.support.waiting import until


async def test_workflows_are_listed_the_newest_first_and_each_once(open_engine: OpenEngine, database: Database) -> None:
    diary = Diary()
    is_mended = False

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", subject)
        if subject == "waits":
            await steps.wait("decision", timedelta(days=30))
        if subject == "fails" and not is_mended:
            raise RuntimeError("the provider is away")

    records = records_of_test(database)
    assert await records.page(state=None, before=None, limit=10) == []
    assert await records.count() == {}
    assert await records.find("work:none") is None
    begun = ["a", "fails", "b", "waits", "c"]

    async def are(wanted: dict[str, str]) -> bool:
        found = await records.page(state=None, before=None, limit=10)
        return {each.subject: each.state for each in found} == wanted

    async with open_engine(diary.workflow("work", run)) as engine:
        for subject in begun:
            await engine.start("work", subject)
            await until(lambda: len(diary.lines) == begun.index(subject) + 1)  # noqa: B023
        ends = {"a": "done", "b": "done", "c": "done", "fails": "failed", "waits": "running"}
        await until(lambda: are(ends))
        found = await records.page(state=None, before=None, limit=10)
        assert [each.subject for each in found] == begun[::-1]
        failed = next(each for each in found if each.subject == "fails")
        assert (failed.id, failed.workflow, failed.worker, failed.steps) == ("work:fails", "work", "test", 1)
        assert "the provider is away" in failed.error
        assert failed.started_at <= failed.changed_at
        assert await records.find("work:fails") == failed
        assert [each.subject for each in await records.page(state="done", before=None, limit=2)] == ["c", "b"]
        assert await records.page(state="waiting", before=None, limit=2) == []
        assert [each.subject for each in await _pages(database, 2)] == begun[::-1]
        (count, oldest) = (await records.count())["running"]
        assert (count, oldest) == (1, found[1].started_at)
        is_mended = True
        await engine.retry("work:fails")
        await engine.cancel("work:waits")
        await until(lambda: are({**ends, "fails": "done", "waits": "cancelled"}))
    assert sorted(each.subject for each in await _pages(database, 1)) == sorted(begun)
    assert await records.count() == {}


async def _pages(database: Database, limit: int) -> list[WorkflowRecord]:
    records, found = records_of_test(database), list[WorkflowRecord]()
    while rows := await records.page(state=None, before=place_of(found[-1]) if found else None, limit=limit):
        found += rows
    return found
