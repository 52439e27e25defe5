"""Whether the marketplace's books agree with what the clients counted: call by call, then in sums. All in integers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demo.clients import CUT_OFF, Call
from demo.report import Report
from mercato_contracts.manifest import PlanManifest
from mercato_contracts.pricing import charge


@dataclass(frozen=True, slots=True)
class Metered:
    """A usage event as the control API shows it."""

    id: str
    request_id: str
    consumer: str
    vendor: str
    service: str
    status: int
    tokens_in: int
    tokens_out: int
    price_nanos: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What a group of calls comes to."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nanos: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.nanos + other.nanos,
        )

    def __str__(self) -> str:
        tokens = f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out"
        return f"{self.calls:,} calls, {tokens}, {self.nanos:,} nano-dollars"


class PriceList:
    """What a call costs under a plan, worked out from the vendors' manifests without asking the marketplace."""

    def __init__(self, plans: Mapping[tuple[str, str], PlanManifest]) -> None:
        """`plans` by service and plan name."""
        self._plans = plans

    def price(self, call: Call) -> int:
        """In nano-dollars; the plans of the demonstration include nothing."""
        price = self._plans[call.service, call.plan].price
        return charge(
            per_call_nanos=price.nanos("per_call"),
            per_1k_input_nanos=price.nanos("per_1k_input_tokens"),
            per_1k_output_nanos=price.nanos("per_1k_output_tokens"),
            included_unit=None,
            included=0,
            tokens_in=call.tokens_in,
            tokens_out=call.tokens_out,
        ).nanos


class Books:
    """The clients' calls beside the marketplace's events."""

    def __init__(self, calls: Sequence[Call], events: Sequence[Metered], prices: PriceList) -> None:
        self._calls = calls
        self._answered = [call for call in calls if call.answered]
        self._events = events
        self._prices = prices
        known = {call.request_id for call in calls}
        self.unclaimed = [event for event in events if event.request_id not in known]

    def check_each(self, report: Report) -> None:
        """Every answered call exactly once, with its tokens and its price; no refused call; none from nowhere."""
        times = Counter(event.request_id for event in self._events)
        missing = [call.request_id for call in self._answered if call.request_id not in times]
        twice = [request for request, count in times.items() if count > 1]
        refused = [call.request_id for call in self._calls if 400 <= call.status < 500 and call.request_id in times]
        report.agree("answered calls that no client can name", 0, sum(not call.request_id for call in self._answered))
        report.agree("answered calls without a usage event", [], missing)
        report.agree("usage events counted twice", [], twice)
        report.agree("refused calls with a usage event", [], refused)
        report.agree("answered calls metered otherwise than the client saw", [], self._altered())
        self._check_unclaimed(report)

    def _altered(self) -> list[str]:
        events = {event.request_id: event for event in self._events}
        wrong = []
        for call in self._answered:
            event = events.get(call.request_id)
            if event is None:
                continue
            seen = (call.consumer, call.service, call.tokens_in, call.tokens_out, self._prices.price(call), 200)
            expected = (
                event.consumer,
                event.service,
                event.tokens_in,
                event.tokens_out,
                event.price_nanos,
                event.status,
            )
            if seen != expected:
                wrong.append(f"{call.request_id}: {seen} != {expected}")
        return wrong

    def _check_unclaimed(self, report: Report) -> None:
        """A call whose answer the kill cut off may have been metered: the gateway writes before the answer ends."""
        cut = sum(call.code == CUT_OFF for call in self._calls)
        if len(self.unclaimed) > cut:
            report.disagree(f"{len(self.unclaimed)} usage events of calls that nobody made; {cut} calls were cut off")
        else:
            report.say(f"ok   usage events of calls that were cut off by the kill: {len(self.unclaimed)} of {cut}")

    def check_sums(self, report: Report) -> None:
        """By consumer, vendor and service. Events of calls that were cut off are left out: no client saw them."""
        seen = {call.request_id for call in self._answered}
        claimed = [event for event in self._events if event.request_id in seen]
        for group in ("consumer", "vendor", "service"):
            counted = _sums((getattr(call, group), call, self._prices.price(call)) for call in self._answered)
            metered = _sums((getattr(event, group), event, event.price_nanos) for event in claimed)
            for name in sorted(counted.keys() | metered.keys()):
                report.agree(f"{group} {name}", str(counted.get(name)), str(metered.get(name)))

    @property
    def total(self) -> Sums:
        """All usage events."""
        return sum(map(_worth, self._events), Sums())

    def of_consumer(self, consumer: str) -> Sums:
        """What a consumer used, the calls that were cut off too."""
        return sum((_worth(event) for event in self._events if event.consumer == consumer), Sums())

    def of_vendor(self, vendor: str) -> Sums:
        """What was used of a vendor's services, the calls that were cut off too."""
        return sum((_worth(event) for event in self._events if event.vendor == vendor), Sums())


def _worth(event: Metered) -> Sums:
    return Sums(1, event.tokens_in, event.tokens_out, event.price_nanos)


def _sums(rows: Iterable[tuple[str, Call | Metered, int]]) -> dict[str, Sums]:
    groups: dict[str, Sums] = defaultdict(Sums)
    for name, counted, nanos in rows:
        groups[name] += Sums(1, counted.tokens_in, counted.tokens_out, nanos)
    return groups
