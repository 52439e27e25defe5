"""A marketplace in few words: services with plans, subscriptions, keys, usage events, and the gateway's questions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pytest

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.billing import Close, Closing, Ledger, MonthlyFees, TrialBalance
from mercato.consumption import Lending, Limits, TakeUsage
from mercato.identity import Caller, Keys, NewKey, SecretHasher
from mercato.metering import Holder
from mercato.platform import Database, Ids, MarketplaceSecret, Outbox, SystemIds
from mercato.publishing import Catalogue, CredentialSeal, Plan, Release, Service
from mercato.publishing.models import Deployment, Submission
from mercato.publishing.release import Releasing
from mercato.subscriptions import Subscription, Subscriptions
from mercato_checks.openapi.check import PublishedOperation
from mercato_contracts.dataplane import (
    LeaseAnswer,
    LeaseBatch,
    LeaseRequest,
    LeaseWant,
    UsageBatch,
    UsageEvent,
    UsageReceipt,
)
from mercato_contracts.manifest import ServiceManifest
from mercato_contracts.pricing import charge, is_owed
from tests.conftest import People, TestClock

TAKE_RATE_BP = 1000
_EMBED = PublishedOperation("POST", "/embeddings", operation_id="embed", summary="Embed", deprecated=False)


@dataclass(frozen=True)
class Customer:
    """A consumer with a key and a subscription."""

    caller: Caller
    key: NewKey
    subscription: Subscription
    plan: Plan
    service: Service


@dataclass
class Market:
    """Everything by the test's clock, each step in a transaction of its own."""

    database: Database
    clock: TestClock
    ids: Ids
    outbox: Outbox
    hasher: SecretHasher
    people: People
    names: int = 0
    operator_: Caller | None = field(default=None)
    seal: CredentialSeal = field(default_factory=lambda: CredentialSeal(MarketplaceSecret.of(bytes(32))))

    async def operator(self) -> Caller:
        """The operator's administrator."""
        self.operator_ = self.operator_ or await self.people.operator()
        return self.operator_

    async def list_service(
        self,
        vendor: Caller,
        name: str = "embedder",
        bears: Sequence[dict[str, Any]] = (),
        availability_bp: int | None = None,
        p95_latency_ms: int | None = None,
        **plan: Any,
    ) -> tuple[Service, Plan]:
        """A listed service with a live release, a deployment that `bears` these limits, and one plan."""
        now = self.clock.now()
        service = Service(
            id=self.ids.new("svc"), vendor_id=vendor.organisation_id, name=name, title=name, summary="", description="",
            protocol="openai", task="embeddings", paths="published", licence="MIT", tags=[], modalities=["text"],
            availability_bp=availability_bp, p95_latency_ms=p95_latency_ms, regions=[], context_window=None,
            status="listed", latest_version="1.0.0", created_at=now, updated_at=now,
        )  # fmt: skip
        submission = Submission(
            id=self.ids.new("sbm"), vendor_id=vendor.organisation_id, service_name=name, version="1.0.0", manifest="",
            document=None, digest="", state="released", created_by=vendor.actor, created_at=now, ended_at=now,
        )  # fmt: skip
        release = Release(
            id=self.ids.new("rel"), service_id=service.id, submission_id=submission.id, version="1.0.0",
            manifest=_manifest(name, "1.0.0"),
            document=None, document_digest=None, operations=[asdict(_EMBED)],
            released_at=now, status="live", status_reason="", status_at=now,
        )  # fmt: skip
        deployment = Deployment(
            id=self.ids.new("dep"), release_id=release.id, url="http://127.0.0.1:9/v1", addresses=["127.0.0.1"],
            upstream_model=None, weight=100, timeout_ms=60_000, max_connections=16, on_disconnect="abort",
            limits=list(bears), created_at=now,
        )  # fmt: skip
        async with self.database.transaction() as session:
            for row in (service, submission, release, deployment):
                session.add(row)
                await session.flush()
        return service, await self.add_plan(service, **plan)

    async def add_release(
        self, service: Service, version: str, *, document: str | None = None, **manifest: Any
    ) -> Release:
        """A live release with a deployment and a whole manifest, written as publishing does."""
        now = self.clock.now()
        answer = _manifest(service.name, version) | manifest
        submission = Submission(
            id=self.ids.new("sbm"), vendor_id=service.vendor_id, service_name=service.name, version=version,
            manifest="", document=None, digest="", state="released", created_by="user", created_at=now, ended_at=now,
        )  # fmt: skip
        async with self.database.transaction() as session:
            session.add(submission)
            await session.flush()
            return await Releasing(session, self.clock, self.ids, self.outbox).release(
                submission,
                ServiceManifest.model_validate(answer),
                document=document,
                operations=[_EMBED],
                addresses=["127.0.0.1"],
            )

    async def add_plan(self, service: Service, **changes: Any) -> Plan:
        """An open plan; by default a thousandth of a dollar a call."""
        values: dict[str, Any] = {
            "name": f"plan-{self._next()}", "title": "", "currency": "USD", "monthly_nanos": 0,
            "per_call_nanos": 1_000_000, "per_1k_input_nanos": 0, "per_1k_output_nanos": 0, "included_unit": None,
            "included": 0, "overage": True, "limits": [], "fallbacks": [], "retired_at": None,
        }  # fmt: skip
        plan = Plan(id=self.ids.new("pln"), service_id=service.id, created_at=self.clock.now(), **(values | changes))
        async with self.database.transaction() as session:
            session.add(plan)
        return plan

    async def subscribe(self, consumer: Caller, plan: Plan) -> Subscription:
        """Through the use case."""
        async with self.database.transaction() as session:
            desk = Subscriptions(session, self.clock, self.ids, self.outbox, Catalogue(session))
            return await desk.subscribe(consumer, plan.id)

    async def make_key(self, consumer: Caller) -> NewKey:
        """A `ck_` key with all that it may carry."""
        async with self.database.transaction() as session:
            keys = Keys(session, self.clock, self.ids, self.hasher, self.outbox)
            return await keys.make(consumer, kind="ck", name="test", scopes=None, expires_at=None)

    async def customer(self, service: Service, plan: Plan, slug: str = "") -> Customer:
        """A new organisation, subscribed, with a key."""
        caller = await self.people.join(slug or f"consumer-{self._next()}")
        return Customer(caller, await self.make_key(caller), await self.subscribe(caller, plan), plan, service)

    def event(self, of: Customer, *, at: datetime | None = None, **changes: Any) -> UsageEvent:
        """An honest event: priced as the plan says."""
        moment = at or self.clock.now()
        owed = is_owed(changes.get("status", 200))
        tokens = {"tokens_in": 7, "tokens_out": 3} if owed else {"tokens_in": 0, "tokens_out": 0}
        figures = tokens | {"included": 0, "status": 200} | changes
        cost = charge(
            per_call_nanos=of.plan.per_call_nanos,
            per_1k_input_nanos=of.plan.per_1k_input_nanos,
            per_1k_output_nanos=of.plan.per_1k_output_nanos,
            included_unit=of.plan.included_unit,  # type: ignore[arg-type]
            included=figures["included"],
            tokens_in=figures["tokens_in"],
            tokens_out=figures["tokens_out"],
        )
        values: dict[str, Any] = {
            "id": SystemIds(TestClock(moment)).new("use"), "at_us": int(moment.timestamp() * 1_000_000),
            "request_id": self.ids.new("req"), "gateway": "gateway-1", "consumer_id": of.caller.organisation_id,
            "key_id": of.key.row.id, "subscription_id": of.subscription.id, "plan_id": of.plan.id,
            "vendor_id": of.service.vendor_id, "service_id": of.service.id, "release_id": "rel_1",
            "deployment_id": "dep_1", "protocol": "openai", "operation": "POST /v1/embeddings", "streamed": False,
            "client_left": False, "tokens_cached": 0, "bytes_in": 100, "bytes_out": 200, "first_byte_us": 900,
            "duration_us": 1000, "overhead_us": 50,
            "price_nanos": cost.nanos if owed else 0, "currency": of.plan.currency,
            "source": "provider", "spends": [],
        }  # fmt: skip
        return UsageEvent(**(values | figures))

    async def take(
        self, events: Sequence[UsageEvent], *, closed: Sequence[str] = (), life: str = "life_1"
    ) -> UsageReceipt:
        """The gateway ships a batch."""
        async with self.database.transaction() as session:
            counters = PostgresCounters(session, self.clock, self.ids)
            ledger = Ledger(session, self.clock, self.ids, take_rate_bp=TAKE_RATE_BP)
            batch = UsageBatch(gateway="gateway-1", life=life, events=list(events), closed=list(closed))
            return await TakeUsage(session, self.clock, counters, ledger).take(batch)

    async def lend(
        self, *wants: tuple[str, int, int], gateway: str = "gateway-1", life: str = "life_1", database: Any = None
    ) -> LeaseAnswer:
        """One gateway asks for one call: (scope, least, most)."""
        async with (database or self.database).transaction() as session:
            lending = Lending(Limits(session), PostgresCounters(session, self.clock, self.ids))
            request = LeaseRequest(wants=[LeaseWant(scope=s, least=least, most=most) for s, least, most in wants])
            answer = await lending.lend(LeaseBatch(gateway=gateway, life=life, requests=[request]))
            return answer.answers[0]

    async def recover(self, *, gateway: str = "gateway-1", life: str) -> int:
        """The gateway's new life has shipped every spool."""
        async with self.database.transaction() as session:
            return await PostgresCounters(session, self.clock, self.ids).recover(Holder(gateway, life))

    async def charge_monthly(self) -> int:
        """The worker's job at the start of a month."""
        async with self.database.transaction() as session:
            return await MonthlyFees(session, self.clock, self.ids, take_rate_bp=TAKE_RATE_BP).charge_due()

    async def close(self, period: str, until: datetime | None = None) -> Closing:
        """The operator closes."""
        operator = await self.operator()
        async with self.database.transaction() as session:
            return await Close(session, self.clock, self.ids, self.outbox).close(operator, period, until)

    async def trial_balance(self) -> TrialBalance:
        """The whole ledger."""
        operator = await self.operator()
        async with self.database.transaction() as session:
            ledger = Ledger(session, self.clock, self.ids, take_rate_bp=TAKE_RATE_BP)
            return await ledger.trial_balance(operator)

    def _next(self) -> int:
        self.names += 1
        return self.names


def _manifest(name: str, version: str) -> dict[str, Any]:
    return {
        "mercato": 1, "name": name, "version": version, "title": f"Title of {version}",
        "summary": "A service of the tests.", "protocol": "openai", "task": "embeddings",
        "endpoint": {"url": f"http://127.0.0.1:9/{version}/v1"}, "plans": [{"name": "standard"}], "licence": "MIT",
    }  # fmt: skip


@pytest.fixture
def market(
    database: Database, clock: TestClock, ids: Ids, outbox: Outbox, hasher: SecretHasher, people: People
) -> Market:
    """A marketplace by the test's clock."""
    return Market(database, clock, ids, outbox, hasher, people)
