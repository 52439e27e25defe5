"""A usage event beside the control plane's own figures, and the times inside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.metering.windows import EPOCH
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.ids import USAGE_EVENT, is_id


@dataclass(frozen=True, slots=True)
class Appraised:
    """A usage event with the control plane's own figures in it, beside what the gateway claimed.

    `disputes` says on what the two disagree, as stable codes. `billable` is false where nobody can be charged for the
    call; its figures are then 0. `spends` are the units of each lease that count. `claimed_nanos` is what the service's
    own counts would have cost, where those are disputed.
    """

    event: UsageEvent
    claimed: UsageEvent
    billable: bool = True
    disputes: tuple[str, ...] = ()
    spends: tuple[tuple[str, int], ...] = ()
    claimed_nanos: int | None = None

    @property
    def at(self) -> datetime:
        """The time inside the event's id."""
        return event_time(self.event.id)


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a batch was new: `kept` are in the table; `aside` have a time beyond reason and are disputes only."""

    kept: list[Appraised]
    aside: list[Appraised]


def event_time(event_id: str) -> datetime:
    """The time, to the millisecond, inside a UUIDv7 with a prefix; the year 9999 for what lies beyond it."""
    milliseconds = int(event_id[-32:-20], 16)
    return EPOCH + timedelta(milliseconds=min(milliseconds, 253_000_000_000_000))


def call_time(event: UsageEvent) -> datetime:
    """When the gateway says the call began; the id's time where that is no time of this century."""
    if 946_684_800_000_000 <= event.at_us < 4_102_444_800_000_000:
        return EPOCH + timedelta(microseconds=event.at_us)
    return event_time(event.id)


def is_event_id(text: str) -> bool:
    """Whether `text` can be the id of a usage event."""
    return is_id(text, USAGE_EVENT)
