"""A marketplace with somebody of every kind in it, and something of most kinds to ask about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from zlib import crc32

import httpx

from mercato.identity import SecretHasher
from mercato.platform import Database, Outbox, SystemIds
from tests.conftest import People, TestClock
from tests.support.market import Market

_PASSWORD = "correct horse battery"
_ROLES = ("admin", "approver", "viewer")
CALLERS = (
    "nobody", "super_admin", "operator_admin", "operator_approver", "operator_viewer", "admin", "approver", "viewer",
    "vendor_key", "consumer_key", "deployment_token",
)  # fmt: skip
"""Everybody who can ask: people by role, in the operator's organisation and in a vendor's, and each kind of key."""


@dataclass
class Inhabitants:
    """Who may sign in, and which ids exist."""

    address: str
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    async def settle(cls, database_url: str, address: str) -> Self:
        """Make them: an operator, a vendor with a listed service, and a consumer who subscribed to it."""
        database, clock = Database(database_url), TestClock(datetime.now(UTC))
        ids, outbox, hasher = SystemIds(clock), Outbox(clock), SecretHasher()
        people = People(database, clock, ids, hasher, outbox)
        market = Market(database, clock, ids, outbox, hasher, people)
        try:
            await market.operator()
            vendor = await people.join("acme")
            service, plan = await market.list_service(vendor)
            customer = await market.customer(service, plan, "buyer")
            await market.take([market.event(customer) for _ in range(3)])
        finally:
            await database.close()
        self = cls(address)
        self.ids = {
            "vendor": ["acme"], "service": ["embedder"], "version": ["1.0.0"], "slug": ["acme", "buyer"],
            "name": ["embedder"], "subscription_id": [customer.subscription.id],
        }  # fmt: skip
        self._add_people()
        self._add_keys()
        self._add_belongings()
        return self

    def sign_in(self, caller: str) -> dict[str, str]:
        """The header of a caller; a person gets a session of its own each time, as an operation may end it."""
        if caller == "nobody":
            return {}
        if caller in self.keys:
            return {"Authorization": f"Bearer {self.keys[caller]}"}
        with self._client() as api:
            return self._session(api, _address_of(caller))

    def known(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        """For about half of the parameters, the id of something that exists."""
        found = {}
        for name, value in parameters.items():
            chance = crc32(repr(value).encode())
            if name in self.ids and chance % 2:
                found[name] = self.ids[name][chance // 2 % len(self.ids[name])]
        return found

    def _client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def _session(self, api: httpx.Client, email: str) -> dict[str, str]:
        answer = api.post("/api/sessions", json={"email": email, "password": _PASSWORD})
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def _add_people(self) -> None:
        for owner, prefix in (("acme@example.org", ""), ("operator@example.org", "operator_")):
            with self._client() as api:
                api.headers.update(self._session(api, owner))
                for role in _ROLES:
                    person = {
                        "email": _address_of(f"{prefix}{role}"),
                        "name": role,
                        "password": _PASSWORD,
                        "role": role,
                    }
                    api.post("/api/users", json=person).raise_for_status()

    def _add_keys(self) -> None:
        with self._client() as api:
            api.headers.update(self._session(api, _address_of("admin")))
            for name, kind in (("vendor_key", "vk"), ("consumer_key", "ck")):
                made = api.post("/api/keys", json={"kind": kind, "name": name}).raise_for_status().json()
                self.keys[name] = made["key"]
            self.ids["key_id"] = [api.post("/api/keys", json={"kind": "ck", "name": "spare"}).json()["id"]]
            self.ids["deployment_id"] = [each["id"] for each in api.get("/api/deployments").json()["items"]]
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": self.keys["vendor_key"],
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "audience": self.ids["deployment_id"][0],
            }
            token = api.post("/api/oauth/token", data=form, headers={"Authorization": ""}).raise_for_status().json()
            self.keys["deployment_token"] = token["access_token"]
            self.ids["token_id"] = [token["token_id"]]

    def _add_belongings(self) -> None:
        with self._client() as api:
            api.headers.update(self._session(api, _address_of("admin")))
            hook = api.post("/api/webhooks", json={"url": "http://127.0.0.1:9101/hook"})
            self.ids["webhook_id"] = [hook.raise_for_status().json()["id"]]


def _address_of(caller: str) -> str:
    return {"super_admin": "operator@example.org"}.get(caller, f"{caller.replace('_', '-')}@example.org")
