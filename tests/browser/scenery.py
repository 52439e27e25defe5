"""What a marketplace needs for its pages to have something on them: a vendor with everything, written into the tables.

The texts of strangers are hostile here: a page that lets one of them through breaks, or is caught by the policy.
"""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from mercato.billing import Disputes
from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.deployments.models import DeploymentLink
from mercato.identity import Caller, SecretHasher
from mercato.platform import Database, Outbox, SystemIds
from mercato.publishing import PHASES, Approval, Canary, Catalogue, DeploymentHold, Evidence, Submission
from mercato.signals.models import DeploymentRoundScore, SignalEntry
from mercato.training.models import Artifact, Run, RunLog, RunStep
from mercato_contracts.dataplane import UsageEvent
from tests.conftest import People, TestClock
from tests.consumption.test_measuring import write_rows
from tests.support.market import Customer, Market

HOSTILE = '"><img src=x onerror=alert(1)> \u202eright to left\u202c ' + "n" * 300
_DAYS = 40
_places = itertools.count(1)
_FINDING = {
    "code": "openapi_response_missing", "level": "error", "where": "/paths/~1embed/post/responses",
    "message": f"The operation has no response for success. {HOSTILE}",
    "fix": "Describe what a call that works answers.",
}  # fmt: skip


@dataclass(frozen=True)
class Scenery:
    """Values for the parameters of addresses, of the vendor `vendor` and of another one's things."""

    vendor: str
    own: dict[str, str]
    foreign: dict[str, str]
    customer: Customer
    """The first of the vendor."""

    @classmethod
    async def furnish(
        cls, database_url: str, slug: str = "vendor", *, hostile: bool = True, operator: bool = False
    ) -> Self:
        """A vendor `slug` with a little of everything, and a stranger with the same."""
        database, clock = Database(database_url), TestClock(datetime.now(UTC))
        ids, outbox, hasher = SystemIds(clock), Outbox(clock), SecretHasher()
        market = Market(database, clock, ids, outbox, hasher, People(database, clock, ids, hasher, outbox))
        try:
            strange = HOSTILE if hostile else ""
            if operator:
                await market.operator()
            vendor = _Vendor(market, await market.people.join(slug), strange)
            own = await vendor.settle()
            foreign = await _Vendor(market, await market.people.join(f"{slug}-marker"), strange).settle()
            return cls(slug, own, foreign, vendor.customers[0])
        finally:
            await database.close()


@dataclass
class _Vendor:
    market: Market
    caller: Caller
    strange: str

    async def settle(self) -> dict[str, str]:
        """Everything of this vendor; the values of parameters by their names."""
        services = []
        for name in ("leaky", "tried", "gone"):
            spare, _ = await self.market.list_service(self.caller, name)
            services.append(spare)
            await self.market.add_release(spare, "1.1.0", title=f"Embeddings, {name}")
        service, plan = await self.market.list_service(
            self.caller, "embedder", availability_bp=9990, p95_latency_ms=300
        )
        customers = [
            await self.market.customer(service, plan, f"{self.caller.organisation_slug}-buyer-{n}") for n in (1, 2)
        ]
        self.customers.extend(customers)
        release = await self.market.add_release(
            service, "1.1.0", title=f"Multilingual embeddings {self.strange}".strip()[:80],
            summary="Sentence vectors for 40 languages, 384 dimensions.",
        )  # fmt: skip
        await write_rows(self.market, *services, service)
        events = []
        for day in range(_DAYS):
            at = self.market.clock.now() - timedelta(days=day, minutes=30)
            calls = (day * 7 + 3) % 11 + 2
            events += [
                self.market.event(
                    customers[n % 2], at=at, release_id=release.id, status=503 if n == 3 else 200,
                    first_byte_us=90_000 + 9_000 * ((day * n) % 13),
                )
                for n in range(calls)
            ]  # fmt: skip
        for first in range(0, len(events), 200):
            await self.market.take(events[first : first + 200])
        await self._dispute(customers[0], events)
        async with self.market.database.transaction() as session:
            for rows in (self._submissions(), self._runs(), self._canary(service, release), self._round()):
                for row in rows:
                    session.add(row)
                    await session.flush()
        self_ids = {"vendor": self.caller.organisation_slug, "name": "embedder", "version": "1.1.0", "verb": "yank"}
        return self_ids | self.found | await self._deployments(release.id)

    def __post_init__(self) -> None:
        self.found: dict[str, str] = {}
        self.customers: list[Customer] = []
        self.now = self.market.clock.now()

    async def _dispute(self, customer: Customer, events: list[UsageEvent]) -> None:
        """One call is disputed and answered; another one may be."""
        first, second, *_ = (
            one.id for one in events if one.consumer_id == customer.caller.organisation_id and one.status == 200
        )
        market = self.market
        async with market.database.transaction() as session:
            desk = Disputes(session, market.clock, market.ids, market.outbox)
            words = f"The answer ended after twelve tokens. {self.strange}".strip()[:2_000]
            opened = await desk.open(customer.caller, first, "no_usable_answer", words)
            await desk.answer(self.caller, opened.id, f"We look into it. {self.strange}"[:2_000], give_back=False)
        self.found |= {"dispute_id": opened.id, "call_id": second}

    def _submissions(self) -> list[Any]:
        rows: list[Any] = []
        for state, version, reached in (("released", "2.0.0", 10), ("refused", "2.1.0", 3), ("waiting", "2.2.0", 9)):
            submission = Submission(
                id=self.market.ids.new("sbm"), vendor_id=self.caller.organisation_id, service_name="embedder",
                version=version, manifest="", document=None, digest="5e" * 32, state=state,
                created_by=self.caller.actor, created_at=self.now, ended_at=None if state == "waiting" else self.now,
            )  # fmt: skip
            rows.append(submission)
            for place, name in enumerate(PHASES[:reached], start=1):
                last = place == reached
                outcome = {"refused": "failed", "waiting": "waiting"}.get(state, "passed") if last else "passed"
                rows.append(Evidence(
                    submission_id=submission.id, phase=place, name=name, outcome=outcome,
                    findings=[_FINDING] if outcome == "failed" else [], facts={}, started_at=self.now,
                    ended_at=self.now + timedelta(milliseconds=130 * place),
                ))  # fmt: skip
            if state == "waiting":
                rows.append(Approval(
                    submission_id=submission.id, state="pending", required_people=1, rule="new-vendor",
                    reason="", digest="5e" * 32, created_at=self.now, decided_at=None,
                ))  # fmt: skip
            self.found["submission_id"] = submission.id
        return rows

    def _runs(self) -> list[Any]:
        rows: list[Any] = []
        for state in ("succeeded", "failed", "running"):
            run = Run(
                id=self.market.ids.new("trn"), organisation_id=self.caller.organisation_id,
                created_by=self.caller.actor,
                spec={"task": "us-equities", "seed": 7, "hyperparameters": {"trees": 120, "learning_rate": 0.03},
                      "max_cost_nanos": 2_000_000_000, "gpu": None, "round": None},
                provider="local", code_sha256="c0" * 32, data_sha256=None, data_key=None,
                environment={"python": "3.11.2", "machine": "Linux x86_64, 2 CPUs"}, state=state,
                why=f"train.py ended with exit code 1. {self.strange}" if state == "failed" else "",
                handle=None, launching_at=None, stop_asked_at=None, seconds=3600, nanos_per_hour=50_000_000,
                milliseconds=81_500, cost_nanos=1_131_945, log_bytes=0,
                metrics={"rank_ic": 0.0312, "trees": 120.0} if state == "succeeded" else {},
                exit_code=None if state == "running" else 0, created_at=self.now - timedelta(minutes=4),
                started_at=self.now - timedelta(minutes=3), ended_at=None if state == "running" else self.now,
                deadline_at=self.now + timedelta(hours=1),
            )  # fmt: skip
            rows.append(run)
            rows += [
                RunStep(
                    run_id=run.id, step=n * 10, metrics={"rank_ic": 0.04 * (1 - 0.8**n), "loss": 1.3 * 0.9**n},
                    at=self.now,
                )
                for n in range(1, 25)
            ]  # fmt: skip
            rows.append(RunLog(run_id=run.id, place=0, stop=40, text=f"fold 1 of 5\nfold 2 of 5\n{self.strange}\n"))
            if state == "succeeded":
                rows.append(
                    Artifact(run_id=run.id, name="model.txt", kind="lightgbm", bytes=48_211, sha256="a1" * 32, key="x")
                )
            self.found["run_id"] = run.id
        return rows

    def _canary(self, service: Any, release: Any) -> list[Any]:
        terms = {"percent": 10, "min_calls": 100, "min_minutes": 10, "max_error_points": 100, "max_p95_percent": 150}
        figures = {"canary": {"version": "1.1.0", "calls": 812, "failed": 3, "p95_us": 140_000},
                   "stable": {"version": "1.0.0", "calls": 7_203, "failed": 20, "p95_us": 139_000}}  # fmt: skip
        return [
            Canary(
                id=self.market.ids.new("can"), service_id=service.id, release_id=release.id, version="1.1.0", **terms,
                state="promoted", reason=f"It is no worse. {self.strange}", figures=figures,
                started_by=self.caller.actor, started_at=self.now - timedelta(hours=2), ended_by="rule",
                ended_at=self.now,
            )
        ]  # fmt: skip

    def _round(self) -> list[Any]:
        dataset = Dataset(
            id=self.market.ids.new("dst"), name=f"prices-{self.caller.organisation_slug}", title="US equities",
            summary=f"Daily prices of 40 names. {self.strange}", card=f"# Card\n{self.strange}",
            reader_id=self.caller.organisation_id, panel_id=None, created_at=self.now,
        )  # fmt: skip
        panel = StoredPanel(
            id=self.market.ids.new("pan"), dataset_id=dataset.id, object_key="x", bytes=10, sha256="d1" * 32, eras=1200,
            first_day="2021-01-04", last_day="2026-11-20", horizon_days=5, lag_days=1,
            features=["feature_momentum_20", "feature_drawdown"], sources=[], built_at=self.now,
        )  # fmt: skip
        found = Round(
            id=self.market.ids.new("rnd"), dataset_id=dataset.id, panel_id=panel.id, number=7, state="open",
            first_era=1100, last_era=1120, train_last_era=1080, horizon_days=5, lag_days=1, opened_at=self.now,
            closes_at=self.now + timedelta(days=2), embargo_until=self.now + timedelta(days=9), scores_sha256=None,
        )  # fmt: skip
        self.found |= {"dataset": dataset.name, "number": "7", "round_id": found.id}
        files = [
            RoundFile(round_id=found.id, name=name, object_key="x", bytes=18_221_090, sha256="f1" * 32, rows=48_000)
            for name in ("train.parquet", "live.parquet", "targets.parquet")
        ]
        opened = RoundTransition(round_id=found.id, state="open", by="operator", reason="It is Monday.", at=self.now)
        return [dataset, panel, found, *files, opened]

    async def _deployments(self, release_id: str) -> dict[str, str]:
        async with self.market.database.transaction() as session:
            mine = await Catalogue(session).deployments_of_vendor(self.caller.organisation_id)
            for place, deployment in enumerate(mine):
                session.add(DeploymentLink(
                    deployment_id=deployment.id, organisation_id=self.caller.organisation_id, public_key="k" * 43 + "=",
                    interval_seconds=30, state="stale" if place else "live", due_at=self.now, sequence=41,
                    heard_at=self.now - timedelta(minutes=place * 7), linked_at=self.now,
                    figures={"calls": 12, "p95_ms": 140},
                ))  # fmt: skip
            session.add(DeploymentHold(
                deployment_id=mine[0].id, holder="heartbeats", held_at=self.now,
                reason=f"Three heartbeats are missing. {self.strange}",
            ))  # fmt: skip
            session.add_all(self._signals(mine[0].id))
        return {"deployment_id": mine[0].id}

    def _signals(self, deployment_id: str) -> list[Any]:
        entries: list[Any] = [
            SignalEntry(
                place=next(_places), id=self.market.ids.new("sig"), deployment_id=deployment_id,
                vendor_id=self.caller.organisation_id, round_id=self.found["round_id"], era=1100 + n, scores={},
                scores_sha256="e1" * 32, entry="{}", leaf=bytes(32), created_at=self.now, received_at=self.now,
            )
            for n in range(5)
        ]  # fmt: skip
        figures = {"rank_ic": 0.031, "contribution": 0.0042, "uniqueness": 0.61, "churn": 0.31, "turnover": 0.2,
                   "deflated_sharpe": 0.77, "eras": [{"rank_ic": 0.03}]}  # fmt: skip
        return entries + [
            DeploymentRoundScore(
                deployment_id=deployment_id, round_id=f"rnd_{n}", dataset_id="dst", number=n,
                vendor_id=self.caller.organisation_id, vendor=self.caller.organisation_slug, weight=100_000_000,
                figures=figures, at=self.now - timedelta(days=30 - n),
            )
            for n in range(6)
        ]  # fmt: skip
