"""Which news becomes which event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mercato.bus.ports import BusEvent
from mercato.consumption import AlertOpened
from mercato.metering import MeteredCall, UsageRecorded
from mercato.platform import Event, News
from mercato.publishing import ApprovalDecided, ServiceChanged, ServiceReleased, SubmissionReceived
from mercato.subscriptions import SubscriptionChanged
from mercato_contracts import bus as contracts
from mercato_contracts.wire import Wire

_SOURCE = "/mercato"
_PREFIX = "mercato."


@dataclass(frozen=True, slots=True)
class BusKind:
    """A type of event made from one class of news.

    `subject` and `key` are the news's fields that say what it is about and what it is in order by. With `only`, a field
    and its value, other news of the class makes no event.
    """

    news: type[News]
    contract: type[Wire]
    subject: str
    key: str
    only: tuple[str, str] | None = None

    def concerns(self, news: News) -> bool:
        """Whether this piece of news makes an event."""
        return self.only is None or getattr(news, self.only[0]) == self.only[1]

    def make(self, event_type: str, event: Event[Any]) -> BusEvent:
        """The event. Its id is the news's place in the outbox, so it is the same each time."""
        payload = event.news.to_payload()
        data = {name: payload[name] for name in self.contract.model_fields}
        return BusEvent(
            id=f"{event.place.transaction}-{event.place.number}",
            type=_PREFIX + event_type,
            source=_SOURCE,
            time=event.at,
            subject=str(payload[self.subject]),
            key=str(payload[self.key]),
            schema=schema_of(event_type),
            data=data,
        )


USAGE = "usage.recorded"
KINDS: dict[str, BusKind] = {
    "service.submitted": BusKind(SubmissionReceived, contracts.ServiceSubmitted, "submission_id", "submission_id"),
    "service.published": BusKind(ServiceReleased, contracts.ServicePublished, "service_id", "service_id"),
    "service.deprecated": BusKind(
        ServiceChanged, contracts.ServiceDeprecated, "service_id", "service_id", only=("status", "deprecated")
    ),
    "approval.decided": BusKind(ApprovalDecided, contracts.ApprovalDecided, "submission_id", "submission_id"),
    "subscription.changed": BusKind(
        SubscriptionChanged, contracts.SubscriptionChanged, "subscription_id", "subscription_id"
    ),
    "sla.breached": BusKind(AlertOpened, contracts.SlaBreached, "service_id", "service_id"),
}
"""The types that one piece of news makes one event of; `usage.recorded` has one for each call of a batch."""
CONTRACTS: dict[str, type[Wire]] = {
    **{event_type: kind.contract for event_type, kind in KINDS.items()},
    USAGE: contracts.UsageRecorded,
}
NEWS: tuple[type[News], ...] = (*(kind.news for kind in KINDS.values()), UsageRecorded)


def schema_of(event_type: str) -> str:
    """Where the published contracts have a type's JSON Schema."""
    return f"bus.schema.json#/$defs/{CONTRACTS[event_type].__name__}"


def make_events(news: Sequence[Event[Any]], calls: Mapping[str, MeteredCall]) -> list[BusEvent]:
    """The events of these pieces of news, in their order. `calls` has by id the calls that the news names."""
    by_news = {kind.news: (event_type, kind) for event_type, kind in KINDS.items()}
    made: list[BusEvent] = []
    for each in news:
        if isinstance(each.news, UsageRecorded):
            made += [_usage(calls[call_id], each) for call_id in each.news.event_ids if call_id in calls]
        else:
            event_type, kind = by_news[type(each.news)]
            if kind.concerns(each.news):
                made.append(kind.make(event_type, each))
    return made


def _usage(call: MeteredCall, event: Event[Any]) -> BusEvent:
    data = contracts.UsageRecorded.model_validate(
        {name: getattr(call, name) for name in contracts.UsageRecorded.model_fields}
    )
    return BusEvent(
        id=call.id,
        type=_PREFIX + USAGE,
        source=_SOURCE,
        time=event.at,
        subject=call.id,
        key=call.consumer_id,
        schema=schema_of(USAGE),
        data=data.model_dump(mode="json"),
    )
