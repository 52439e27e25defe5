"""Names beside ids, for answers that people read. An id whose row is gone has the empty name."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends

from mercato.edge.wiring import Transaction
from mercato.identity import Directory
from mercato.platform import Session
from mercato.publishing import Catalogue
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.metering import UsageGroup


class Names:
    """Looks names up for one answer, one question for each kind. Whoever asks has been allowed the ids themselves."""

    def __init__(self, session: Session) -> None:
        self._directory = Directory(session)
        self._catalogue = Catalogue(session)
        self._terms = SubscriptionTerms(session, self._catalogue)
        self._slugs: dict[str, str] = {}
        self._services: dict[str, str] = {}

    async def organisations(self, ids: Collection[str]) -> dict[str, str]:
        """Short names such as `acme`; those that were asked before are known."""
        missing = set(ids) - self._slugs.keys()
        if missing:
            self._slugs |= {found.id: found.slug for found in await self._directory.find_many(missing)}
        return {one: self._slugs[one] for one in ids if one in self._slugs}

    async def services(self, ids: Collection[str]) -> dict[str, str]:
        """Names such as `acme/embedder`, of withdrawn services too."""
        missing = set(ids) - self._services.keys()
        if missing:
            self._services |= await self._catalogue.service_names(missing)
        return {one: self._services[one] for one in ids if one in self._services}

    async def plans(self, ids: Collection[str]) -> dict[str, str]:
        """Names such as `per-token`, of retired plans too."""
        return {plan.id: plan.name for plan in await self._catalogue.find_plans(ids)}

    async def subscriptions(self, ids: Collection[str]) -> dict[str, str]:
        """Service and plan, such as `acme/embedder, per-token`."""
        terms = await self._terms.find(ids)
        services = await self.services({each.subscription.service_id for each in terms.values()})
        return {
            each.subscription.id: f"{services.get(each.subscription.service_id, '')}, {each.plan.name}"
            for each in terms.values()
        }

    async def keys(self, ids: Collection[str]) -> dict[str, str]:
        """What their makers called them."""
        return await self._directory.key_names(ids)

    async def releases(self, ids: Collection[str]) -> dict[str, str]:
        """Versions such as `1.2.0`."""
        return await self._catalogue.versions(ids)

    async def of_group(self, group: UsageGroup, ids: Collection[str]) -> dict[str, str]:
        """What usage is added up by; a day is its own name."""
        if group == "day":
            return {day: day for day in ids}
        find = {
            "service": self.services,
            "key": self.keys,
            "subscription": self.subscriptions,
            "consumer": self.organisations,
            "vendor": self.organisations,
        }[group]
        return await find(ids)


def _names(session: Transaction) -> Names:
    return Names(session)


Called = Annotated[Names, Depends(_names)]
