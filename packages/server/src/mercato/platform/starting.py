"""Workflows that begin with a piece of news."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from mercato.platform.feed import OutsideSubscriber
from mercato.platform.news import News
from mercato.platform.outbox import Event
from mercato.platform.workflows import Workflows

_N = TypeVar("_N", bound=News)


def start_on(
    name: str, news: type[_N], workflows: Workflows, workflow: str, subject_of: Callable[[_N], str]
) -> OutsideSubscriber[_N]:
    """A reader for the worker that starts `workflow` on the subject of each piece of `news`.

    News may come again: the engine starts a workflow on one subject once, however often it is asked. `name` is the
    reader's place and must never change.
    """

    async def ask(events: Sequence[Event[_N]]) -> None:
        for event in events:
            await workflows.start(workflow, subject_of(event.news))

    return OutsideSubscriber(name, (news,), ask)
