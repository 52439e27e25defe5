"""News: what happened, as a typed value. Each room defines its own in `news.py`; the outbox stores and delivers it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing that happened: ids and facts that JSON can hold, never a secret.

    A field added later needs a default, because older rows are still read.
    """

    topic: ClassVar[str]
    """The name under which it is stored. It never changes."""

    by: str
    """Who did it: the id of a user, key or token, or the name of the process or chore."""

    def to_payload(self) -> dict[str, Any]:
        """The fields as the outbox stores them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The news that was stored.

        Fields that only a newer version knows are ignored. Raises `TypeError` if a field without a default is missing;
        `by` is empty in rows written before all news had it.
        """
        known = {field.name: payload[field.name] for field in fields(cls) if field.name in payload}
        return cls(**{"by": "", **known})


def every_news(base: type[News] = News) -> Iterator[type[News]]:
    """Each loaded class with a topic of its own."""
    for kind in base.__subclasses__():
        if "topic" in vars(kind):
            yield kind
        yield from every_news(kind)
