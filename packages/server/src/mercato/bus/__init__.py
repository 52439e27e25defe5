"""What systems outside hear of the marketplace: analytics hubs, data warehouses, an operator's own software.

- A *bus* is the engine that carries events to them: Kafka, or files of this machine.
- An *event* is a CloudEvent of one of seven types; its fields are a published contract (`mercato_contracts.bus`).
- The *publisher* reads the outbox and hands events over, outside any transaction. One process does it at a time.
- A *key* is what events are in order by: the service, the submission, or the consumer of a call.
"""

from mercato.bus.kinds import CONTRACTS, KINDS, make_events
from mercato.bus.ports import BusEvent, BusRefused, BusUnavailable, EventBus
from mercato.bus.publisher import READER, BusPublisher, forget_publisher

__all__ = [
    "CONTRACTS",
    "KINDS",
    "READER",
    "BusEvent",
    "BusPublisher",
    "BusRefused",
    "BusUnavailable",
    "EventBus",
    "forget_publisher",
    "make_events",
]
