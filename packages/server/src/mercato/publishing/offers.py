"""What a submission would sell, beside what its service sells now: for the people who decide about it."""

from dataclasses import dataclass

from mercato.platform import Session
from mercato.publishing.models import Plan, Submission
from mercato.publishing.repository import CatalogueRepository, SubmissionRepository
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


class Offers:
    """Not scoped: who may ask is checked by the caller."""

    def __init__(self, session: Session) -> None:
        self._rows = SubmissionRepository(session)
        self._services = CatalogueRepository(session)

    async def find_service(self, submission: Submission) -> str | None:
        """The id of the service that the submission is a version of, once it was released."""
        found = await self._services.find_own_service(submission.vendor_id, submission.service_name)
        return None if found is None else found.id

    async def price_changes(self, submission_id: str, service_id: str | None) -> list[PriceChange]:
        """Every price of the offered plans, and those of plans that would end; empty once the manifest is gone."""
        manifest, _ = await self._rows.find_content(submission_id)
        typed = check_manifest(manifest).manifest if manifest else None
        if typed is None:
            return []
        plans = [] if service_id is None else await self._services.open_plans([service_id])
        now = {plan.name: plan for plan in plans}
        offered = {plan.name: plan for plan in typed.plans}
        return [
            change for name in sorted({*now, *offered}) for change in _changes(name, now.get(name), offered.get(name))
        ]


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
