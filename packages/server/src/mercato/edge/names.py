"""Names beside ids, for answers that people read. An id whose row is gone has the empty name."""

from collections.abc import Awaitable, Callable, Collection
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
        self._known: dict[str, str] = {}
        """Names by id, of all kinds: no two rows have the same id."""

    async def organisations(self, ids: Collection[str]) -> dict[str, str]:
        """Short names such as `acme`."""
        return await self._find(ids, lambda missing: self._directory.party_names(organisations=missing))

    async def services(self, ids: Collection[str]) -> dict[str, str]:
        """Names such as `acme/embedder`, of withdrawn services too."""
        return await self._find(ids, self._catalogue.service_names)

    async def plans(self, ids: Collection[str]) -> dict[str, str]:
        """Names such as `per-token`, of retired plans too."""
        return await self._find(ids, self._plan_names)

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
        return await self._find(ids, lambda missing: self._directory.party_names(keys=missing))

    async def releases(self, ids: Collection[str]) -> dict[str, str]:
        """Versions such as `1.2.0`; the names of their services are known from then on."""
        return await self._find(ids, self._versions)

    async def learn_parties(self, organisations: Collection[str], keys: Collection[str]) -> None:
        """Ask for organisations and keys at once."""
        self._known |= await self._directory.party_names(organisations=set(organisations), keys=set(keys))

    def learn_plan(self, plan_id: str, name: str) -> None:
        """A plan that was read already."""
        self._known[plan_id] = name

    async def _find(
        self, ids: Collection[str], ask: Callable[[Collection[str]], Awaitable[dict[str, str]]]
    ) -> dict[str, str]:
        if missing := set(ids) - self._known.keys():
            self._known |= await ask(missing)
        return {one: self._known[one] for one in ids if one in self._known}

    async def _plan_names(self, ids: Collection[str]) -> dict[str, str]:
        return {plan.id: plan.name for plan in await self._catalogue.find_plans(ids)}

    async def _versions(self, ids: Collection[str]) -> dict[str, str]:
        named = await self._catalogue.release_names(ids)
        self._known |= {each.service_id: each.service for each in named.values()}
        return {one: each.version for one, each in named.items()}

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
