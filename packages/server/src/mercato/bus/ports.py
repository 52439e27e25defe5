"""What carries events to systems outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class BusUnavailable(Exception):
    """The bus cannot be reached, or did not confirm in time: the same events are to be handed over again."""


class BusRefused(BusUnavailable):
    """The bus answers and refuses: the credentials, an access rule or a setting is wrong. A person must look."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One CloudEvent 1.0. `id` is the same each time it is handed over; `key` is what events are in order by."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    key: str
    schema: str
    data: Mapping[str, Any]

    def attributes(self) -> dict[str, str]:
        """The context attributes, without the data."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "time": self.time.isoformat(),
            "subject": self.subject,
            "dataschema": self.schema,
        }


class EventBus(Protocol):
    """The engine. One publisher has it open at a time."""

    async def open(self) -> None:
        """Take over: an earlier publisher can no longer publish. Raises `BusUnavailable`."""
        ...

    async def publish(self, events: Sequence[BusEvent]) -> None:
        """Hand over all or none, in this order; they are kept when this returns.

        Raises `BusUnavailable`: then it is not known whether they are kept, and the bus must be opened anew.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds; it may be opened again."""
        ...
