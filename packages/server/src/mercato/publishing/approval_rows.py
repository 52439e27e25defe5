"""Questions to the database about what people decide: what waits, what was decided, and all about one submission."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from mercato.platform import Question, Session
from mercato.publishing.models import Approval, ApprovalComment, Evidence, Plan, Service, Submission, Vote


@dataclass(frozen=True, slots=True)
class ApprovalsWanted:
    """Which approvals are looked for: in these states, by all of these words, claimed or voted on by these people."""

    states: Collection[str] = ("pending",)
    words: Sequence[str] = ()
    claimed_by: str | None = None
    voted_by: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether only those that wait are wanted: they come with the oldest first, others with the newest."""
        return tuple(self.states) == ("pending",)


class ApprovalRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def count_pending(self) -> int:
        query = select(func.count()).select_from(Approval).where(Approval.state == "pending")
        return await self._session.scalar(query) or 0

    async def head(self, limit: int) -> tuple[int, list[tuple[Approval, Submission]]]:
        """How many wait, and the oldest of them."""
        query = (
            select(func.count().over(), Approval, Submission)
            .join(Submission, Submission.id == Approval.submission_id)
            .where(Approval.state == "pending")
            .order_by(Approval.submission_id)
            .limit(limit)
        )
        rows = (await self._session.execute(query)).all()
        return (rows[0][0] if rows else 0), [(row[1], row[2]) for row in rows]

    async def approved_waiting(self, vendor_id: str) -> list[str]:
        """The vendor's submissions that are approved and wait for its reinstatement."""
        query = (
            select(Submission.id)
            .join(Approval, Approval.submission_id == Submission.id)
            .where(Submission.vendor_id == vendor_id, Submission.state == "waiting", Approval.state == "approved")
            .order_by(Submission.id)
        )
        return list(await self._session.scalars(query))

    async def neighbours(self, submission_id: str) -> tuple[str | None, str | None]:
        """What waits just before and just after it, in the order of the queue."""
        waits = select(Approval.submission_id).where(Approval.state == "pending")
        before = waits.where(Approval.submission_id < submission_id).order_by(Approval.submission_id.desc()).limit(1)
        after = waits.where(Approval.submission_id > submission_id).order_by(Approval.submission_id).limit(1)
        row = (await self._session.execute(select(before.scalar_subquery(), after.scalar_subquery()))).one()
        return row[0], row[1]

    async def search(
        self, wanted: ApprovalsWanted, vendors: Mapping[str, Collection[str]], after: str | None, limit: int
    ) -> list[tuple[Approval, Submission]]:
        """Those that people decide: what waits with the oldest first, all else with the newest submission first.

        `vendors` are the ids of those whose names hold each of the words.
        """
        query = (
            select(Approval, Submission)
            .join(Submission, Submission.id == Approval.submission_id)
            .where(Approval.required_people > 0, Approval.state.in_(wanted.states), *_conditions(wanted, vendors))
        )
        key = Approval.submission_id
        if after is not None:
            query = query.where(key > after if wanted.waiting else key < after)
        query = query.order_by(key if wanted.waiting else key.desc()).limit(limit)
        return [(row[0], row[1]) for row in await self._session.execute(query)]


def _conditions(wanted: ApprovalsWanted, vendors: Mapping[str, Collection[str]]) -> list[ColumnElement[bool]]:
    texts = (Submission.service_name, Submission.version, Approval.rule, Approval.reason)
    found: list[ColumnElement[bool]] = [
        or_(
            *(text.icontains(word, autoescape=True) for text in texts),
            Submission.vendor_id.in_(vendors.get(word, ())),
        )
        for word in wanted.words
    ]
    if wanted.claimed_by is not None:
        found.append(Approval.claimed_by == wanted.claimed_by)
    if wanted.voted_by is not None:
        own = select(Vote.submission_id).where(Vote.person == wanted.voted_by)
        found.append(Approval.submission_id.in_(own))
    return found


def dossier_questions(submission_id: str) -> tuple[Question[Evidence], Question[Approval], Question[Vote]]:
    """Its evidence in the order of the phases, its approval, and the votes in the order they were cast."""
    evidence = select(Evidence).where(Evidence.submission_id == submission_id)
    approval = select(Approval).where(Approval.submission_id == submission_id)
    votes = select(Vote).where(Vote.submission_id == submission_id)
    return (
        Question(evidence, Evidence, lambda row: row.phase),
        Question(approval, Approval, lambda row: row.submission_id),
        Question(votes, Vote, lambda row: (row.at, row.person)),
    )


def comments_question(submission_id: str) -> Question[ApprovalComment]:
    """The comments on it, the oldest first; the newest 200."""
    own = select(ApprovalComment).where(ApprovalComment.submission_id == submission_id)
    return Question(own.order_by(ApprovalComment.id.desc()).limit(200), ApprovalComment, lambda row: (row.at, row.id))


def sold_questions(vendor_id: str, name: str) -> tuple[Question[Service], Question[Plan]]:
    """The vendor's service of this name, and the plans that it offers."""
    service = select(Service).where(Service.vendor_id == vendor_id, Service.name == name)
    plans = (
        select(Plan)
        .join(Service, Service.id == Plan.service_id)
        .where(Service.vendor_id == vendor_id, Service.name == name, Plan.retired_at.is_(None))
    )
    return Question(service, Service, lambda row: row.id), Question(plans, Plan, lambda row: row.id)


async def count_waiting(session: Session) -> int:
    """How many submissions wait for a person: for the marketplace's own figures."""
    return await ApprovalRows(session).count_pending()
