"""The suite that every bus passes: in order, kept once it is confirmed, and one publisher at a time."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mercato.adapters.events_folder import FolderBus
from mercato.adapters.events_kafka import KafkaBus
from mercato.adapters.kafka_address import read_address
from mercato.bus import BusEvent, BusUnavailable, EventBus
from tests.support.kafka import KafkaBroker, why_not

_BEGAN = datetime(2026, 11, 29, 23, 59, 58, tzinfo=UTC)
TYPE = "mercato.subscription.changed"


def event(number: int) -> BusEvent:
    """One of many: five keys in turn, over midnight."""
    return BusEvent(
        id=f"1-{number}",
        type=TYPE,
        source="/mercato",
        time=_BEGAN + timedelta(milliseconds=50 * number),
        subject=f"sub_{number % 5}",
        key=f"sub_{number % 5}",
        schema="bus.schema.json#/$defs/SubscriptionChanged",
        data={"subscription_id": f"sub_{number % 5}", "organisation_id": "org_1 é", "service_id": str(number)},
    )


Read = Callable[[int], Awaitable[list[dict[str, Any]]]]
"""At least so many events, as one who listens has them: attributes and data."""


@dataclass(frozen=True)
class Place:
    """A bus, made as often as wanted, and how to read what it took."""

    make: Callable[[], EventBus]
    read: Read


def folder_place(folder: Path) -> Place:
    async def read(_: int) -> list[dict[str, Any]]:
        return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]

    return Place(lambda: FolderBus(folder), read)


def kafka_place(broker: KafkaBroker, prefix: str) -> Place:
    async def read(count: int) -> list[dict[str, Any]]:
        found = []
        for message in await broker.read([f"{prefix}.subscription.changed"], count):
            headers = {
                name: value.decode()
                for name, value in dict(message.headers() or []).items()
                if isinstance(value, bytes)
            }
            assert headers.pop("content-type") == "application/json"
            attributes = {name.removeprefix("ce_"): value for name, value in headers.items()}
            body = message.value()
            assert isinstance(body, bytes)
            found.append({**attributes, "data": json.loads(body)})
        return found

    return Place(lambda: KafkaBus(read_address(f"kafka://{broker.address}/{prefix}")), read)


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KafkaBroker]:
    missing = why_not()
    if missing:
        pytest.skip(missing)
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    await broker.start()
    yield broker
    await broker.end()


@pytest.fixture(params=["folder", pytest.param("kafka", marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return folder_place(tmp_path / "events")
    prefix = request.node.name.replace("[", "-").replace("]", "")
    return kafka_place(request.getfixturevalue("broker"), prefix)


def numbers_by_key(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The first time that each was heard."""
    heard: dict[str, list[int]] = {}
    for each in events:
        numbers = heard.setdefault(each["subject"], [])
        if int(each["data"]["service_id"]) not in numbers:
            numbers.append(int(each["data"]["service_id"]))
    return heard


async def test_what_is_confirmed_is_kept_in_order(place: Place) -> None:
    bus = place.make()
    await bus.open()
    for first in range(0, 100, 20):
        await bus.publish([event(number) for number in range(first, first + 20)])
    await bus.close()
    heard = await place.read(100)
    assert len(heard) == 100
    assert numbers_by_key(heard) == {f"sub_{key}": list(range(key, 100, 5)) for key in range(5)}
    seventh = next(each for each in heard if each["id"] == "1-7")
    assert seventh["data"] == dict(event(7).data)
    assert {name: seventh[name] for name in event(7).attributes()} == event(7).attributes()


async def test_one_that_is_opened_again_goes_on(place: Place) -> None:
    for first in (0, 10):
        bus = place.make()
        await bus.open()
        await bus.publish([event(number) for number in range(first, first + 10)])
        await bus.close()
    assert numbers_by_key(await place.read(20))["sub_0"] == [0, 5, 10, 15]


async def test_a_folder_that_cannot_be_written_is_said_and_taken_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.write_text("a file stands where the folder should be")
    bus = FolderBus(folder)
    with pytest.raises(BusUnavailable, match="cannot be made"):
        await bus.open()
    folder.unlink()
    await bus.open()
    await bus.publish([event(1)])
    assert len(await folder_place(folder).read(1)) == 1


async def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    bus = FolderBus(tmp_path)
    await bus.open()
    await bus.publish([event(1)])
    path = next(tmp_path.glob("*.jsonl"))
    path.write_bytes(path.read_bytes() + b'{"half":')
    await bus.publish([event(2)])
    lines = path.read_text().splitlines()
    assert [line for line in lines if not line.endswith("}")] == ['{"half":']
    assert json.loads(lines[2])["id"] == "1-2"


@pytest.mark.parametrize(
    ("url", "servers", "prefix", "protocol"),
    [
        ("kafka://k1:9092,k2:9092", "k1:9092,k2:9092", "mercato", "PLAINTEXT"),
        ("kafka://k1:9092/staging.eu", "k1:9092", "staging.eu", "PLAINTEXT"),
        ("kafka+ssl://k1:9093/", "k1:9093", "mercato", "SSL"),
        ("kafka+ssl://mercato:p%40ss%2F@k1:9093", "k1:9093", "mercato", "SASL_SSL"),
    ],
)
def test_addresses_of_kafka(url: str, servers: str, prefix: str, protocol: str) -> None:
    address = read_address(url)
    settings = address.settings()
    assert (address.servers, address.prefix, settings["security.protocol"]) == (servers, prefix, protocol)
    if address.user:
        assert settings["sasl.password"] == "p@ss/"


@pytest.mark.parametrize(
    "url", ["", "kafka://", "kafka:/k1", "http://k1:9092", "kafka://user:secret@", "kafka://k1/A B"]
)
def test_what_is_no_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="MERCATO_EVENTS_URL") as refused:
        read_address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestKafkaAlone:
    async def test_who_lost_the_lead_publishes_nothing_more(self, broker: KafkaBroker) -> None:
        place = kafka_place(broker, "lead")
        first, second = place.make(), place.make()
        await first.open()
        await first.publish([event(0)])
        await second.open()
        with pytest.raises(BusUnavailable):
            await first.publish([event(1)])
        await second.publish([event(2)])
        await first.close()
        await second.close()
        assert [each["id"] for each in await place.read(2)] == ["1-0", "1-2"]

    async def test_a_broker_killed_in_the_middle_loses_nothing(self, broker: KafkaBroker) -> None:
        place = kafka_place(broker, "killed")
        bus = place.make()
        await bus.open()
        for first in range(0, 300, 10):
            if first in {100, 200}:
                await broker.end()
                with pytest.raises(BusUnavailable, match=broker.address):
                    await bus.publish([event(number) for number in range(first, first + 10)])
                await bus.close()
                await broker.start()
                await bus.open()
            await bus.publish([event(number) for number in range(first, first + 10)])
        await bus.close()
        heard = await place.read(300)
        assert numbers_by_key(heard) == {f"sub_{key}": list(range(key, 300, 5)) for key in range(5)}

    async def test_credentials_where_none_are_taken_are_said(self, broker: KafkaBroker) -> None:
        bus = KafkaBus(read_address(f"kafka+ssl://mercato:wrong@{broker.address}/denied"))
        with pytest.raises(BusUnavailable, match=broker.address) as refused:
            await bus.open()
        await bus.close()
        assert "wrong" not in str(refused.value)
