"""Events to Kafka, each type to a topic of its own, as CloudEvents in binary mode.

Every batch is one transaction of one transactional producer: a consumer that reads committed records sees it whole or
not at all, and a process that lost its lead is shut out by Kafka itself (KIP-98). What is not known to be kept is
handed over again under the same `ce_id`.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from mercato.adapters.kafka_address import KafkaAddress
from mercato.bus import CONTRACTS, BusEvent, BusRefused, BusUnavailable

T = TypeVar("T")

_SECONDS = 30.0
"""How long Kafka may take for one batch."""
_OPENS_SECONDS = 30.0
_NO_ENTRY = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError._UNSUPPORTED_FEATURE,
}
"""What waiting does not mend."""


class KafkaBus:
    """A transactional producer, in a thread: librdkafka's calls block."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._producer: Producer | None = None
        self._last_error = ""
        self._refusal: KafkaError | None = None

    async def open(self) -> None:
        """Make missing topics, as the broker is set to make them, and shut out whoever published before."""
        await asyncio.to_thread(self._ask, self._open)

    async def publish(self, events: Sequence[BusEvent]) -> None:
        """One transaction."""
        await asyncio.to_thread(self._ask, lambda: self._publish(events))

    async def close(self) -> None:
        """What is not committed is not kept."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(_drop, producer)

    def look(self, seconds: float) -> str:
        """What answers there. Raises `BusUnavailable` or `BusRefused` with Kafka's own words."""
        base: dict[str, Any] = {**self._address.settings(), "error_cb": self._note, "log_level": 0}
        known = self._ask(lambda: AdminClient(base).list_topics(timeout=seconds))
        return f"{len(known.brokers)} brokers, {len(known.topics)} topics"

    def topic_of(self, event: BusEvent) -> str:
        """`<prefix>.<type without "mercato.">`."""
        return f"{self._address.prefix}.{event.type.removeprefix('mercato.')}"

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except KafkaException as exception:
            error = exception.args[0]
            cause = self._refusal or error
            words = f"Kafka at {self._address.servers}: {cause.str()}" + (
                f" ({self._last_error})" if self._last_error and self._last_error != cause.str() else ""
            )
            raise (BusRefused if cause.code() in _NO_ENTRY else BusUnavailable)(words) from None

    def _note(self, error: KafkaError) -> None:
        """librdkafka says here why it gets nowhere; what it then raises is only that it took too long."""
        self._last_error = error.str()
        if error.code() in _NO_ENTRY:
            self._refusal = error

    def _open(self) -> None:
        self._last_error, self._refusal = "", None
        base = {**self._address.settings(), "error_cb": self._note, "log_level": 0}
        self._make_topics(base)
        self._producer = Producer(
            {
                **base,
                "transactional.id": f"{self._address.prefix}-publisher",
                "transaction.timeout.ms": int(_SECONDS * 1000),
                "linger.ms": 5,
                "compression.type": "zstd",
            }
        )
        self._producer.init_transactions(_OPENS_SECONDS)

    def _make_topics(self, base: dict[str, Any]) -> None:
        admin = AdminClient(base)
        there = admin.list_topics(timeout=_OPENS_SECONDS).topics
        wanted = [f"{self._address.prefix}.{event_type}" for event_type in CONTRACTS]
        missing = [NewTopic(name, -1, -1) for name in wanted if name not in there]
        if not missing:
            return
        for made in admin.create_topics(missing, request_timeout=_OPENS_SECONDS).values():
            try:
                made.result(_OPENS_SECONDS)
            except KafkaException as exception:
                if exception.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def _publish(self, events: Sequence[BusEvent]) -> None:
        producer = self._producer
        assert producer is not None, "it is opened before"
        producer.begin_transaction()
        for event in events:
            self._produce(producer, event)
        producer.commit_transaction(_SECONDS)

    def _produce(self, producer: Producer, event: BusEvent) -> None:
        headers = {f"ce_{name}": value for name, value in event.attributes().items()}
        body = json.dumps(dict(event.data), ensure_ascii=False, separators=(",", ":")).encode()
        while True:
            try:
                producer.produce(
                    self.topic_of(event),
                    key=event.key,
                    value=body,
                    headers={**headers, "content-type": "application/json"},
                )
            except BufferError:
                producer.poll(0.1)  # its queue is full: what is in it goes out first
            else:
                return


def _drop(producer: Producer) -> None:
    """Forget what waits to be sent, so that nothing is sent behind the next process's back."""
    producer.purge()
    producer.flush(1.0)
