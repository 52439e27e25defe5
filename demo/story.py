"""The story, step by step: publish, find, subscribe, call, meter, invoice; an accident; the desk; an operator's day."""

from dataclasses import dataclass
from pathlib import Path

from demo import buying, calling, publishing
from demo.accounts import Books, PriceList
from demo.billing import Accountant
from demo.calling import Accident, Shop, several
from demo.clients import NOT_SENT, Buyer, Call
from demo.command import Mp
from demo.control import Member, Visitor
from demo.desk import DeskStory
from demo.figures import LATENCY_HEAD, latency_row
from demo.history import make_history
from demo.marketplace import Marketplace
from demo.model_servers import ModelServer, start_embedder, start_signals, start_smollm, train_signals
from demo.operators_day import OperatorsDay
from demo.processes import Processes, Running
from demo.publishing import Offer
from demo.report import Report
from demo.signal_vendors import SignalVendor
from mercato_contracts.money import Money

FREE_A_MINUTE = 60
TRIAL_A_DAY = 200
"""What the examples' manifests allow on the plans `free` and `trial`."""


@dataclass(frozen=True, slots=True)
class Servers:
    """The vendors' models that run."""

    embedder: ModelServer
    signals: ModelServer
    smollm: ModelServer | None


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: a fund that pays, a student on free plans, and what the vendors sell."""

    operator: Member
    approver: Member
    fund: Member
    student: Member
    embedder: Offer
    signals: Offer
    smollm: Offer | None

    @property
    def offers(self) -> list[Offer]:
        """All that is sold."""
        return [offer for offer in (self.embedder, self.signals, self.smollm) if offer is not None]


@dataclass(frozen=True, slots=True)
class Basket:
    """What the consumers bought."""

    embedder: Buyer
    signals: Buyer
    smollm: Buyer | None
    free_embedder: Buyer
    trial_signals: Buyer


class Story:
    """One run; `run` tells it."""

    def __init__(
        self,
        report: Report,
        processes: Processes,
        folder: Path,
        *,
        with_llm: bool,
        ports: tuple[int, int] | None = None,
    ) -> None:
        self._report = report
        self._processes = processes
        self._folder = folder
        self._with_llm = with_llm
        self._marketplace = Marketplace(processes, folder / "marketplace", ports)
        self._calls: list[Call] = []
        self._timed: list[tuple[list[Call], list[Call]]] = []
        self._trainer: SignalVendor | None = None

    def run(self) -> Cast:
        """Raises what keeps it from going on; what merely disagrees is in the report."""
        training = train_signals(self._processes, self._folder / "model")
        operator = self._start_marketplace()
        building = self._marketplace.start_building_data()
        self._report.step(2, "Two vendors' real models" + (" and a language model" if self._with_llm else ""))
        self._report.say(next(line for line in training.wait_to_end().splitlines() if line.startswith("trained")))
        servers = self._start_models()
        cast = self._publish(operator, servers)
        basket = self._buy(cast)
        accountant = Accountant(operator, [cast.fund, cast.student], cast.offers)
        shop = Shop(self._marketplace.gateway_url)
        self._call(shop, basket, servers)
        self._report.step(6, "Usage, invoices and payouts agree with what the clients counted")
        self._settle(accountant, cast)
        self._crash(shop, basket)
        books = self._settle(accountant, cast)
        mp = self._operators_mp(cast.operator)
        desk = self._run_desk(cast, building, mp)
        day = OperatorsDay(self._report, self._visitor(), cast.operator, mp, shop, cast.signals)
        day.run()
        self._tell_figures(*books)
        desk.tell_figures()
        day.tell_figures()
        return cast

    def stay(self, cast: Cast) -> None:
        """Adds weeks of made-up calls, and says where to look and as whom."""
        report, place = self._report, self._marketplace
        report.step(13, "The marketplace stays")
        made_up = make_history(cast.operator, [cast.fund, cast.student], place.internal_url, place.gateway_token())
        report.say(f"{made_up:,} made-up calls of earlier days, so that charts have something to show")
        assert self._trainer is not None
        people: dict[str, Member | SignalVendor] = {
            "operator": cast.operator, "consumer": cast.fund, "vendor": cast.signals.vendor,
            "vendor who trains": self._trainer,
        }  # fmt: skip
        rows = [[who, member.email, member.password] for who, member in people.items()]
        report.table(["Sign in as", "E-mail address", "Password"], rows)
        report.say(f"open {place.control_url}; Ctrl-C stops it, and all that is in it goes")

    def _start_marketplace(self) -> Member:
        self._report.step(1, "A marketplace of its own: PostgreSQL, control plane, worker, gateway")
        administrator = self._marketplace.prepare()
        self._report.say("database made, migrated, and its first administrator in it")
        started = self._marketplace.start()
        self._report.say(f"PostgreSQL is ready (process {self._marketplace.postgres_pid()})")
        for running in started:
            self._report.say(f"{running.name} is ready (process {running.pid})")
        self._report.say(f"control API {self._marketplace.control_url}, gateway {self._marketplace.gateway_url}")
        return self._visitor().sign_in(administrator.email, administrator.password, "operator")

    def _visitor(self) -> Visitor:
        return Visitor(self._marketplace.control_url)

    def _start_models(self) -> Servers:
        embedder = start_embedder(self._processes)
        signals = start_signals(self._processes, self._folder / "model")
        smollm = start_smollm(self._processes) if self._with_llm else None
        for server in (embedder, signals, smollm):
            if server is not None:
                self._report.say(f"{server.running.name} answers on {server.url} (process {server.running.pid})")
        return Servers(embedder, signals, smollm)

    def _publish(self, operator: Member, servers: Servers) -> Cast:
        self._report.step(3, "Vendors sign up and publish; a rule approves one, a person the other")
        join = self._visitor().sign_up
        llm = servers.smollm
        cast = Cast(
            operator,
            approver=operator.add_colleague("approver"),
            fund=join("harbour-fund", "Harbour Fund"),
            student=join("ada-studies", "Ada Studies"),
            embedder=Offer(join("vector-works", "Vector Works"), "embedder", servers.embedder.url),
            signals=Offer(join("north-quant", "North Quant"), "stock-signals", servers.signals.url),
            smollm=None if llm is None else Offer(join("small-talk", "Small Talk"), "smollm", llm.url),
        )
        for offer in (cast.embedder, cast.smollm):
            if offer is not None:
                operator.vouch_for(offer.vendor)
                self._report.say(f"the operator vouches for {offer.vendor.slug}")
        publishing.publish_by_rule(self._report, cast.embedder)
        publishing.publish_by_hand(self._report, cast.signals, cast.approver)
        if cast.smollm is not None:
            publishing.publish_by_rule(self._report, cast.smollm)
        return cast

    def _buy(self, cast: Cast) -> Basket:
        self._report.step(4, "Consumers find the services in plain English, subscribe and get keys")
        wishes = {"turn sentences into vectors": cast.embedder, "daily stock signals": cast.signals}
        wanted = [(cast.embedder, "per-token"), (cast.signals, "per-call")]
        if cast.smollm is not None:
            wishes["a small chat model that streams its answer"] = cast.smollm
            wanted.append((cast.smollm, "per-token"))
        buying.find(self._report, cast.fund, wishes)
        paid = buying.subscribe(self._report, cast.fund, wanted)
        free = buying.subscribe(self._report, cast.student, [(cast.embedder, "free"), (cast.signals, "trial")])
        return Basket(paid[0], paid[1], paid[2] if len(paid) > 2 else None, free[0], free[1])

    def _call(self, shop: Shop, basket: Basket, servers: Servers) -> None:
        self._report.step(5, "Many clients call at once; some may not")
        paid = [*several(8, 50, shop.embedding, basket.embedder), *several(8, 150, shop.signal, basket.signals)]
        self._calls += calling.run(self._report, "paid calls", paid)
        if basket.smollm is not None:
            chats = several(4, 5, shop.chat, basket.smollm)
            self._calls += calling.run(self._report, "streamed chats", chats)
        self._calls += calling.with_bad_keys(self._report, shop, basket.embedder, basket.signals)
        too_fast = several(16, 6, shop.embedding, basket.free_embedder)
        self._calls += calling.over_the_rate(self._report, too_fast, FREE_A_MINUTE)
        too_many = several(16, 15, shop.signal, basket.trial_signals)
        self._calls += calling.over_the_quota(self._report, too_many, TRIAL_A_DAY)
        pairs = [
            (shop.embedding(basket.embedder), shop.direct_embedding(servers.embedder.url, basket.embedder)),
            (shop.signal(basket.signals), shop.direct_signal(servers.signals.url, basket.signals)),
        ]
        for through, direct in pairs:
            timed = calling.take_turns(through, direct, 100)
            self._calls += timed[0]
            self._timed.append(timed)

    def _crash(self, shop: Shop, basket: Basket) -> None:
        self._report.step(7, "The gateway is killed in the middle of a burst")
        jobs = [*several(8, 20, shop.embedding, basket.embedder), *several(8, 60, shop.signal, basket.signals)]
        self._calls += calling.burst(self._report, jobs, Accident(self._report, self._marketplace, 150))

    def _operators_mp(self, operator: Member) -> Mp:
        mp = Mp(self._folder / "operator")
        addresses = ("--url", self._marketplace.control_url, "--gateway", self._marketplace.gateway_url)
        mp("login", "--email", operator.email, *addresses, stdin=operator.password)
        return mp

    def _run_desk(self, cast: Cast, building: Running, mp: Mp) -> DeskStory:
        places = (self._marketplace, self._processes, self._folder)
        desk = DeskStory(self._report, *places, cast.operator, mp, cast.approver)
        desk.run(building)
        self._trainer = desk.trainer
        return desk

    def _settle(self, accountant: Accountant, cast: Cast) -> tuple[Books, int]:
        """The books, and what was invoiced in nano-dollars."""
        answered = sum(call.answered for call in self._calls)
        plans = {(offer.service, plan.name): plan for offer in cast.offers for plan in offer.manifest.plans}
        books = Books(self._calls, accountant.events(at_least=answered), PriceList(plans))
        books.check_each(self._report)
        books.check_sums(self._report)
        accountant.check_views(self._report, books)
        return books, accountant.check_ledger(self._report, books)

    def _tell_figures(self, books: Books, invoiced: int) -> None:
        self._report.step(12, "Figures")
        report, calls = self._report, [call for call in self._calls if call.code != NOT_SENT]
        report.say(f"calls through the gateway: {len(calls):,}, answered {sum(call.answered for call in calls):,}")
        for kind, count in calling.refusals_by_kind(calls):
            report.say(f"  refused, {kind}: {count:,}")
        report.say(f"usage events: {books.total.calls:,}")
        report.say(f"invoices: {Money(invoiced)}")
        rows = []
        for through, direct in self._timed:
            name = through[0].service
            rows.append(latency_row(f"{name}, through the gateway", through))
            rows.append(latency_row(f"{name}, direct", direct))
        for name in sorted({call.service for call in calls}):
            rows.append(latency_row(f"{name}, all calls at once", [c for c in calls if c.service == name]))
        report.table(LATENCY_HEAD, rows)
