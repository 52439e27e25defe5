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
    """Looks names up for one answer, one question for each kind; what was asked before is known.

    Whoever asks has been allowed the ids themselves.
    """

    def __init__(self, session: Session) -> None:
        self._directory = Directory(session)
        self._catalogue = Catalogue(session)
        self._terms = SubscriptionTerms(session, self._catalogue)
        self._slugs: dict[str, str] = {}
        self._services: dict[str, str] = {}
        self._plans: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    async def organisations(self, ids: Collection[str]) -> dict[str, str]:
        """Short names such as `acme`."""
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
        missing = set(ids) - self._plans.keys()
        if missing:
            self._plans |= {plan.id: plan.name for plan in await self._catalogue.find_plans(missing)}
        return {one: self._plans[one] for one in ids if one in self._plans}

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
        missing = set(ids) - self._keys.keys()
        if missing:
            self._keys |= await self._directory.key_names(missing)
        return {one: self._keys[one] for one in ids if one in self._keys}

    async def releases(self, ids: Collection[str]) -> dict[str, str]:
        """Versions such as `1.2.0`; the names of their services are known from then on."""
        named = await self._catalogue.release_names(ids) if ids else {}
        self._services |= {each.service_id: each.service for each in named.values()}
        return {one: each.version for one, each in named.items()}

    async def learn_parties(self, organisations: Collection[str], keys: Collection[str]) -> None:
        """Ask for organisations and keys at once."""
        names = await self._directory.party_names(
            set(organisations) - self._slugs.keys(), set(keys) - self._keys.keys()
        )
        self._slugs |= names.organisations
        self._keys |= names.keys

    def learn_plan(self, plan_id: str, name: str) -> None:
        """A plan that was read already."""
        self._plans[plan_id] = name

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
