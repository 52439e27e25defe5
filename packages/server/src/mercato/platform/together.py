"""Several short questions in one statement: a page that shows a little of many tables asks the database once.

A room gives its `Question`, whoever needs several of them asks them together, and each room's rows come back as their
own class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Select, false, join, select
from sqlalchemy.orm import aliased

from mercato.platform.database import Session

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[_Row]):
    """Rows of one table that a `query` finds, a few hundred at most. `key` orders them, `newest_first` the other way
    round: the database may mix what it is asked together.
    """

    query: Select[_Row]
    table: type[_Row]
    key: Callable[[_Row], Any]
    newest_first: bool = False


class Answers:
    """What was found, by question."""

    def __init__(self, found: dict[int, list[Any]]) -> None:
        self._found = found

    def of(self, question: Question[_Row]) -> list[_Row]:
        """The rows in the question's order."""
        return cast(list[_Row], self._found[id(question)])


async def ask_together(session: Session, *questions: Question[Any]) -> Answers:
    """The rows of all questions, by one statement."""
    # Joined on what is never true, each row of the answer is a row of one question.
    rows = [question.query.subquery() for question in questions]
    entities = [aliased(question.table, found) for question, found in zip(questions, rows, strict=True)]
    source: Any = rows[0]
    for found in rows[1:]:
        source = join(source, found, false(), full=True)
    answers: dict[int, list[Any]] = {id(question): [] for question in questions}
    for row in await session.execute(select(*entities).select_from(source)):
        for question, entity in zip(questions, row, strict=True):
            if entity is not None:
                answers[id(question)].append(entity)
    for question in questions:
        answers[id(question)].sort(key=question.key, reverse=question.newest_first)
    return Answers(answers)
