"""What a submission would sell, beside what its service sells now: for the people who decide about it."""

from dataclasses import dataclass

from mercato.platform import Session, ask_together
from mercato.publishing.approval_rows import sold_questions
from mercato.publishing.models import Plan, Submission
from mercato_checks.manifest import check_manifest
from mercato_contracts.manifest import PlanManifest

_COMPONENTS = ("monthly", "per_call", "per_1k_input_tokens", "per_1k_output_tokens")


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One component of one plan; `before` is `None` for a new plan, `after` for one that is no longer offered."""

    plan: str
    currency: str
    component: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """The service that a submission is a version of, once it was released, and how its prices would change."""

    service_id: str | None
    prices: list[PriceChange]


class Offers:
    """Not scoped: who may ask is checked by the caller."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def compare(self, submission: Submission) -> Offer:
        """Every price of the offered plans, and those of plans that would end; none once the manifest is gone.

        The submission was read with its manifest.
        """
        services, plans = sold_questions(submission.vendor_id, submission.service_name)
        answers = await ask_together(self._session, services, plans)
        service_id = next((row.id for row in answers.of(services)), None)
        typed = check_manifest(submission.manifest).manifest if submission.manifest else None
        if typed is None:
            return Offer(service_id, [])
        now = {plan.name: plan for plan in answers.of(plans)}
        offered = {plan.name: plan for plan in typed.plans}
        names = sorted({*now, *offered})
        return Offer(service_id, [each for name in names for each in _compared(name, now.get(name), offered.get(name))])


def _compared(name: str, now: Plan | None, offered: PlanManifest | None) -> list[PriceChange]:
    if now is not None and offered is not None and now.currency != offered.currency:
        # Amounts of two currencies are neither dearer nor cheaper: one offer ends and another begins.
        return [*_changes(name, now, None), *_changes(name, None, offered)]
    return _changes(name, now, offered)


def _changes(name: str, now: Plan | None, offered: PlanManifest | None) -> list[PriceChange]:
    currency = offered.currency if offered is not None else now.currency if now is not None else ""
    found = []
    for component in _COMPONENTS:
        before = None if now is None else _price_now(now, component)
        after = None if offered is None else offered.price.nanos(component)  # type: ignore[arg-type]
        if before or after:
            found.append(PriceChange(name, str(currency), component.replace("_", " "), before, after))
    return found or [
        PriceChange(name, str(currency), "free", None if now is None else 0, None if offered is None else 0)
    ]


def _price_now(plan: Plan, component: str) -> int:
    column = component.removesuffix("_tokens") + "_nanos"
    return int(getattr(plan, column))
