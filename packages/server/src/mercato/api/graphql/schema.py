"""What can be asked, changed and listened to."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast
from strawberry.extensions import MaskErrors
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionResult, PreExecutionError

from mercato.api.figures import view_series
from mercato.api.graphql.compliance import report
from mercato.api.graphql.context import Asked, Listening
from mercato.api.graphql.figures import check_figures
from mercato.api.graphql.limits import error_of, read
from mercato.api.graphql.refusals import SubscriptionsOnly
from mercato.api.graphql.types import (
    After,
    Change,
    CompliancePage,
    First,
    Info,
    MetricLine,
    Metrics,
    ServiceNode,
    ServicePage,
    SubmissionNode,
    SubmissionPage,
    json_of,
    page_size,
)
from mercato.edge.live_changes import TOPICS, Happened
from mercato.edge.paging import Page
from mercato.metering import SeriesWanted, Summing, count_figures
from mercato.platform import Malformed, Refusal
from mercato.publishing import Approvals, Catalogue, Submissions
from mercato_contracts.figures import SeriesGroup, SeriesLine, SeriesMetric, SeriesStep
from mercato_contracts.metering import UsageSide

_FIRST_YEAR, _LAST_YEAR = 1970, 2999


@strawberry.enum(description="What a person says of a submission.")
class Decision(Enum):
    APPROVE = "approve"
    REJECT = "reject"


@strawberry.type
class Query:
    @strawberry.field(description="The listed services by id: everybody's for operators, for others their own.")
    async def services(self, info: Info, first: First, after: After = None) -> ServicePage:
        asked = info.context
        async with asked.turn():
            rows = await asked.oversight.services(asked.caller, after=after or "", limit=page_size(first))
        return ServicePage(items=[ServiceNode.of(row) for row in rows], next=Page.of(rows, first).next)

    @strawberry.field(description="One service by its id.")
    async def service(self, info: Info, id: strawberry.ID) -> ServiceNode | None:
        row = await info.context.services.load(str(id))
        if row is None or _sees(info.context, row.vendor_id):
            return None if row is None else ServiceNode.of(row)
        async with info.context.turn() as session:
            is_seen = await Catalogue(session).sees(row, info.context.caller.organisation_slug)
        return ServiceNode.of(row) if row.status == "listed" and is_seen else None

    @strawberry.field(description="The submissions of your organisation, the newest first.")
    async def submissions(self, info: Info, first: First, after: After = None) -> SubmissionPage:
        async with info.context.turn() as session:
            desk = Submissions(session, info.context.wiring.clock, info.context.wiring.ids, info.context.wiring.outbox)
            rows = await desk.list_own(info.context.caller, after=after, limit=page_size(first))
        return SubmissionPage(items=[SubmissionNode.of(row) for row in rows], next=Page.of(rows, first).next)

    @strawberry.field(description="One submission by its id.")
    async def submission(self, info: Info, id: strawberry.ID) -> SubmissionNode | None:
        row = await info.context.submissions.load(str(id))
        return None if row is None else SubmissionNode.of(row)

    @strawberry.field(description="Submissions that wait for people, the oldest first. For operators.")
    async def approvals(self, info: Info, first: First, after: After = None) -> SubmissionPage:
        async with info.context.turn() as session:
            desk = Approvals(session, info.context.wiring.clock, info.context.wiring.outbox)
            rows = await desk.waiting(info.context.caller, after=after, limit=page_size(first))
        for row in rows:
            info.context.evidence.prime(row.submission.id, row.evidence)
            info.context.approvals.prime(row.submission.id, (row.approval, row.votes))
        found = [row.submission for row in rows]
        return SubmissionPage(items=[SubmissionNode.of(row) for row in found], next=Page.of(found, first).next)

    @strawberry.field(description="How each listed service stands up to the rules: operators see all, vendors theirs.")
    async def compliance(self, info: Info, first: First, after: After = None) -> CompliancePage:
        return await report(info.context, page_size(first), after)

    @strawberry.field(
        description="Usage over time by up to two groups; names of figures as `GET /api/usage/series` has."
    )
    async def metrics(
        self,
        info: Info,
        since: datetime,
        until: datetime,
        side: str = "consumer",
        step: str = "day",
        zone: str = "UTC",
        metrics: Annotated[list[str], strawberry.argument(description="Such as calls, failed, p95_us.")] = ("calls",),  # type: ignore[assignment]
        group_by: list[str] = (),  # type: ignore[assignment]
        top: int = 20,
    ) -> Metrics:
        wanted = _wanted(side, since, until, step, zone, list(metrics), list(group_by), top)
        async with info.context.turn() as session:
            summing = Summing(session, info.context.wiring.clock)
            found = await view_series(await summing.series(info.context.caller, wanted), wanted, info.context.names)
        return Metrics(
            steps=found.steps, series=[_line(one) for one in found.series], totals=[_line(one) for one in found.totals],
            groups=found.groups,
        )  # fmt: skip


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Approve or reject a submission. Nobody decides on one of their own.")
    async def decide(
        self,
        info: Info,
        submission_id: strawberry.ID,
        digest: Annotated[str, strawberry.argument(description="Of what you looked at: `digest` of the submission.")],
        decision: Decision,
        reason: str,
    ) -> SubmissionNode:
        if not 1 <= len(reason) <= 2_000:
            raise Malformed("A decision has a reason of 1 to 2,000 characters.")
        # What is refused is undone, and the rest of the answer stands.
        async with info.context.turn() as session, session.begin_nested():
            desk = Approvals(session, info.context.wiring.clock, info.context.wiring.outbox)
            row = await desk.decide(info.context.caller, str(submission_id), decision.value, reason, digest=digest)
            await info.context.note("decide_submission", row.submission.id)
        return SubmissionNode.of(row.submission)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="What happens from now on, of these topics; of all where none is named.")
    async def changes(
        self, info: strawberry.Info[Listening, None], topics: list[str] | None = None
    ) -> AsyncGenerator[Change, None]:
        unknown = sorted(set(topics or ()) - set(TOPICS))
        if unknown:
            raise Malformed(f"There is no topic {unknown[0][:60]!r}; there are {', '.join(TOPICS)}.")
        async for happened in _listen(info.context):
            if not topics or happened.topic in topics:
                yield Change(
                    topic=happened.topic, at=happened.at, by=happened.by, name=happened.name,
                    service_id=_id(happened.service_id), submission_id=_id(happened.submission_id),
                )  # fmt: skip


async def _listen(context: Listening) -> AsyncIterator[Happened]:
    """What the caller may see. A session that ended, or lost a right, is found within a minute, and ends this."""
    caller = await context.authenticate()
    with context.live.listening(caller.lasting_actor) as queue:
        loop = asyncio.get_running_loop()
        look_at = loop.time() + context.live.look_seconds
        while True:
            # Checked here too: a queue that is never empty never waits, so its timeout never ends.
            if loop.time() >= look_at:
                caller = await context.authenticate()
                look_at = loop.time() + context.live.look_seconds
            try:
                async with asyncio.timeout_at(look_at):
                    happened = await queue.get()
            except TimeoutError:
                continue
            if happened is None:
                return
            if happened.is_for(caller):
                yield happened


def _id(text: str | None) -> strawberry.ID | None:
    return None if text is None else strawberry.ID(text)


def _sees(asked: Asked, vendor_id: str) -> bool:
    return asked.oversight.sees(asked.caller, vendor_id)


def _line(line: SeriesLine) -> MetricLine:
    return MetricLine(
        keys=line.keys, names=line.names, currency=line.currency, values=json_of(line.values), total=json_of(line.total)
    )


def _wanted(
    side: str, since: datetime, until: datetime, step: str, zone: str, metrics: list[str], groups: list[str], top: int
) -> SeriesWanted:
    """Names are those of the contracts. Raises `Malformed`."""
    if not all(_FIRST_YEAR <= at.year <= _LAST_YEAR for at in (since, until)):
        raise Malformed(f"`since` and `until` lie in the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    for what, given, known in (
        ("side", [side], UsageSide), ("step", [step], SeriesStep), ("metric", metrics, SeriesMetric),
        ("group", groups, SeriesGroup),
    ):  # fmt: skip
        names = known.__args__  # type: ignore[attr-defined]
        for one in given:
            if one not in names:
                raise Malformed(f"There is no {what} {one[:60]!r}; there are {', '.join(names)}.")
    if not 1 <= top <= 100 or not 1 <= len(metrics) <= 19 or len(groups) > 2:
        raise Malformed("Ask for 1 to 100 series, 1 to 19 metrics and at most two groups.")
    chosen: dict[str, Any] = {"side": side, "step": step, "metrics": tuple(dict.fromkeys(metrics))}
    return SeriesWanted(since=since, until=until, zone=zone, groups=tuple(groups), top=top, **chosen)  # type: ignore[arg-type]


class _Schema(strawberry.Schema):
    """Reads each document first, and refuses what asks for too much before it is validated."""

    async def execute(self, query: str | None, *arguments: Any, **named: Any) -> ExecutionResult:
        try:
            document, operation = _read(query, named, listens=False)
            check_figures(self._schema, document, operation, named.get("variable_values") or {}, _count_figures)
        except Refusal as refusal:
            return PreExecutionError(data=None, errors=[error_of(refusal)])
        return await super().execute(query, *arguments, **named)

    async def stream(self, query: str | None, *arguments: Any, **named: Any) -> Any:
        try:
            _read(query, named, listens=True)
        except Refusal as refusal:
            return _refused(refusal)
        return await super().stream(query, *arguments, **named)

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """A refusal is an answer; faults are logged where the answer is written."""


def _count_figures(arguments: Mapping[str, Any]) -> int:
    """Of one `metrics`, whose defaults the schema has. Raises the refusals of its arguments."""
    names = ("side", "since", "until", "step", "zone", "metrics", "groupBy", "top")
    return count_figures(_wanted(*(arguments[name] for name in names)))


def _read(
    query: str | None, named: Mapping[str, Any], *, listens: bool
) -> tuple[DocumentNode, OperationDefinitionNode]:
    """The document and the operation that is asked. Raises `QueryTooLarge`, `QueryInvalid`, `SubscriptionsOnly`."""
    name = named.get("operation_name")
    document = read(query or "", name)
    operation = get_operation_ast(document, name)
    assert operation is not None
    if (operation.operation is OperationType.SUBSCRIPTION) != listens:
        raise SubscriptionsOnly("Subscriptions have doors of their own, and nothing else is asked there.")
    return document, operation


async def _refused(refusal: Refusal) -> AsyncIterator[ExecutionResult]:
    yield PreExecutionError(data=None, errors=[error_of(refusal)])


def _is_fault(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, Refusal)


SCHEMA = _Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[lambda: MaskErrors(_is_fault, "Something went wrong on our side")],
    config=StrawberryConfig(disable_field_suggestions=True),
)
