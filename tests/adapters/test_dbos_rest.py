"""When the engine of workflows may rest: not while something that was left is still on its way."""

from types import SimpleNamespace
from typing import Any

import pytest
from dbos import DBOS

from mercato.adapters.dbos_rest import _has_recovered


@pytest.mark.parametrize("moves_after", [1, 2, 3])
async def test_what_is_moved_into_the_queue_between_two_questions_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, moves_after: int
) -> None:
    asked = 0

    async def listed(*, status: str, **_: Any) -> list[SimpleNamespace]:
        nonlocal asked
        asked += 1
        stands = "PENDING" if asked <= moves_after else "ENQUEUED"
        return [SimpleNamespace(workflow_id="toil:a")] if status == stands else []

    monkeypatch.setattr(DBOS, "list_workflows_async", listed)
    engine: Any = SimpleNamespace(_active_workflows_set=SimpleNamespace(activeList=list))
    assert not await _has_recovered(engine, "worker", "1")
