"""Steps 5 and 7: many clients call at once; some may not; the gateway dies among them."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from demo.clients import Buyer, Call, ChatClient, Client, EmbeddingClient, SignalClient
from demo.load import Crew, Job
from demo.marketplace import Marketplace
from demo.prices import signal_requests
from demo.report import Report
from mercato_contracts.keys import make_key

SENTENCES = [
    "How much protein does an adult need per day?",
    "The boat is tied up behind the old harbour wall.",
    "Refund the second ticket and keep the first.",
    "La bibliothèque ferme à dix-huit heures.",
    "Which of these contracts renews without notice?",
    "Rain is expected in the north by the evening.",
    "Der Zug nach Basel fährt heute von Gleis sieben.",
    "Store the samples below four degrees.",
    "The committee postponed its vote until March.",
    "Why does the kettle switch itself off too early?",
    "Three of the five valves were replaced last year.",
]
QUESTIONS = ["What is the sea?", "Name three colours.", "Why do birds sing?"]
CHAT_TOKENS = 24

Item = TypeVar("Item")


class Shop:
    """Makes clients of one marketplace's gateway."""

    def __init__(self, gateway_url: str) -> None:
        self._gateway = gateway_url
        self._bodies = signal_requests(48)

    def embedding(self, buyer: Buyer, place: int = 0) -> Client:
        """A program on the OpenAI SDK; each `place` begins with another sentence."""
        return EmbeddingClient(f"{self._gateway}/v1", buyer, _from(SENTENCES, place))

    def signal(self, buyer: Buyer, place: int = 0) -> Client:
        """A program on plain HTTP; each `place` begins with another request."""
        return SignalClient(f"{self._gateway}/s/{buyer.service}", buyer, _from(self._bodies, place * 3))

    def chat(self, buyer: Buyer, place: int = 0) -> Client:
        """A program on the OpenAI SDK that reads a stream."""
        return ChatClient(f"{self._gateway}/v1", buyer, _from(QUESTIONS, place), CHAT_TOKENS)

    def direct_embedding(self, server_url: str, buyer: Buyer) -> Client:
        """The same program, straight to the vendor's server."""
        return EmbeddingClient(f"{server_url}/v1", buyer, SENTENCES)

    def direct_signal(self, server_url: str, buyer: Buyer) -> Client:
        """The same program, straight to the vendor's server."""
        return SignalClient(server_url, buyer, self._bodies)


def _from(items: Sequence[Item], place: int) -> list[Item]:
    place %= len(items)
    return [*items[place:], *items[:place]]


def several(clients: int, calls: int, make: Callable[[Buyer, int], Client], buyer: Buyer) -> list[Job]:
    """Clients of one kind, each to call so often."""
    return [Job(make(buyer, place), calls) for place in range(clients)]


def run(report: Report, what: str, jobs: Sequence[Job]) -> list[Call]:
    """All calls of all clients at once."""
    calls = Crew(jobs).work(lambda made, _: report.progress(f"{what}: {made:,} calls"))
    report.progress_done()
    report.say(f"{what}: {len(calls):,} calls from {len(jobs)} clients, {tell_statuses(calls)}")
    return calls


def tell_statuses(calls: Sequence[Call]) -> str:
    """Counts by answer, such as `900 answered, 30 quota_exceeded`."""
    kinds = Counter(_kind(call) for call in calls)
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))


def _kind(call: Call) -> str:
    if call.answered:
        return "answered"
    return call.code or str(call.status)


def refusals_by_kind(calls: Sequence[Call]) -> list[tuple[str, int]]:
    """Refusals with an answer, by code."""
    return sorted(Counter(_kind(call) for call in calls if call.status >= 300).items())


def with_bad_keys(report: Report, shop: Shop, embedder: Buyer, signals: Buyer) -> list[Call]:
    """A key with a wrong digit and a well-formed one that was never given out, to both services."""
    last = "1" if embedder.key[-1] == "0" else "0"
    mistyped = embedder.key[:-1] + last
    unknown = make_key("ck", f"key_{os.urandom(16).hex()}", os.urandom(32))
    made: list[Call] = []
    for code, key in {"key_malformed": mistyped, "key_invalid": unknown}.items():
        bad_embedder, bad_signals = replace(embedder, key=key), replace(signals, key=key)
        jobs = [*several(8, 8, shop.embedding, bad_embedder), *several(8, 8, shop.signal, bad_signals)]
        calls = run(report, f"bad keys ({code})", jobs)
        report.agree(f"refused with 401 {code}", len(calls), sum((c.status, c.code) == (401, code) for c in calls))
        made += calls
    return made


def over_the_rate(report: Report, jobs: Sequence[Job], a_minute: int) -> list[Call]:
    """More than the plan's requests a minute: the bucket's whole size is answered, then what flows in meanwhile."""
    begun = time.monotonic()
    calls = run(report, f"calls over {a_minute} a minute", jobs)
    flowed_in = math.ceil((time.monotonic() - begun) * a_minute / 60)
    answered = sum(call.answered for call in calls)
    if not a_minute <= answered <= a_minute + flowed_in:
        report.disagree(f"{answered} calls answered where {a_minute} to {a_minute + flowed_in} were allowed")
    _check_refusals(report, calls, "rate_limit_exceeded")
    return calls


def over_the_quota(report: Report, jobs: Sequence[Job], a_day: int) -> list[Call]:
    """More than the plan's requests a day: exactly that many are answered."""
    began_on = datetime.now(UTC).date()
    calls = run(report, f"calls over {a_day} a day", jobs)
    if datetime.now(UTC).date() == began_on:
        report.agree("answered under the day's quota", a_day, sum(call.answered for call in calls))
    _check_refusals(report, calls, "quota_exceeded")
    return calls


def _check_refusals(report: Report, calls: Sequence[Call], code: str) -> None:
    over = [call for call in calls if not call.answered]
    report.agree(f"refused with 429 {code}", len(over), sum((c.status, c.code) == (429, code) for c in over))


def take_turns(through: Client, direct: Client, turns: int) -> tuple[list[Call], list[Call]]:
    """One call through the gateway, one direct, and so on, so that both see the same machine."""
    pairs = [(through.call(), direct.call()) for _ in range(turns)]
    through.close()
    direct.close()
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


@dataclass
class Accident:
    """Kills the gateway in the middle of a burst, and starts it again."""

    report: Report
    marketplace: Marketplace
    after_answered: int
    killed: bool = False

    def watch(self, made: int, answered: int) -> None:
        """Called while the clients work."""
        self.report.progress(f"burst: {answered:,} answered of {made:,} tries")
        if answered < self.after_answered or self.killed:
            return
        self.killed = True
        pid = self.marketplace.kill_gateway()
        self.report.progress_done()
        self.report.say(f"gateway (process {pid}) killed with SIGKILL after {answered:,} answers of the burst")
        running = self.marketplace.start_gateway()
        self.report.say(f"gateway is back as process {running.pid}, clients go on")


def burst(report: Report, jobs: Sequence[Job], accident: Accident) -> list[Call]:
    """Every client goes on until its calls were answered, whatever happens to the gateway."""
    calls = Crew(jobs, insists=True).work(accident.watch)
    report.progress_done()
    report.say(f"burst: {len(calls):,} calls from {len(jobs)} clients, {tell_statuses(calls)}")
    if not accident.killed:
        report.disagree("the burst was over before the gateway could be killed in it")
    return calls
