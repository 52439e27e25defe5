"""Who takes part, over the control API: visitors, members of organisations, and what vendors hand in."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import Any
from uuid import uuid4

import httpx
import yaml

from mercato_contracts.identity import MeView, NewKeyAnswer
from mercato_contracts.metering import UsageEventView
from mercato_contracts.publishing import ServiceView, SubmissionView
from mercato_contracts.subscriptions import SubscriptionView
from tests.e2e.processes import until

_SIGN_IN_SECONDS = 300.0
"""A third of what an access token lives."""


class Party:
    """Somebody with or without a session. A refusal that a test does not expect fails it."""

    def __init__(self, url: str, session: "Session | None" = None) -> None:
        self.url = url
        self.session = session
        self.http = httpx.Client(base_url=url, auth=session, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON."""
        return _told(self.http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON."""
        return _told(self.http.post(path, json=body))

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """All items of a paged list."""
        after: str | None = None
        while True:
            page = self.get(path, **query, **({"after": after} if after else {}))
            yield from page["items"]
            after = page["next"]
            if after is None:
                return


def _told(answer: httpx.Response) -> Any:
    assert not answer.is_error, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


class Visitor(Party):
    """Somebody without an account."""

    def sign_up(self, slug: str) -> "Member":
        """A new organisation, seen by its first administrator."""
        email, password = f"admin@{slug}.example", uuid4().hex
        self.post("/api/organisations", {"organisation": slug, "name": slug, "email": email, "password": password})
        return self.sign_in(email, password, slug)

    def sign_in(self, email: str, password: str, slug: str) -> "Member":
        return Member(self.url, slug, Session(self, email, password))


class Session(httpx.Auth):
    """Signed in now, and again when the access token is about to expire: one marketplace serves many tests."""

    def __init__(self, visitor: Visitor, email: str, password: str) -> None:
        self._visitor = visitor
        self._body = {"email": email, "password": password}
        self._sign_in()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() - self._since > _SIGN_IN_SECONDS:
            # Whoever has taken the control plane away is told so by the request itself.
            with contextlib.suppress(httpx.TransportError, AssertionError):
                self._sign_in()
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request

    def _sign_in(self) -> None:
        self._since = time.monotonic()
        self._token: str = self._visitor.post("/api/sessions", self._body)["access_token"]


class Member(Party):
    """Somebody of the organisation `slug`."""

    def __init__(self, url: str, slug: str, session: "Session | None" = None) -> None:
        super().__init__(url, session)
        self.slug = slug

    @cached_property
    def organisation_id(self) -> str:
        return MeView.model_validate(self.get("/api/me")).organisation_id

    def vouch_for(self, vendor: "Member") -> None:
        """As the operator: the vendor's releases go live by rule from now on."""
        _told(self.http.put(f"/api/organisations/{vendor.slug}/verification", json={"verified": True}))

    def listing(self, service: str) -> ServiceView:
        return ServiceView.model_validate(self.get(f"/api/services/{service}"))

    def submit(self, offer: "Offer") -> SubmissionView:
        """Hands it in; nothing is decided yet."""
        answer = self.post("/api/submissions", {"manifest": offer.manifest_text, "openapi": offer.document_text})
        return self.submission(answer["id"])

    def submission(self, submission_id: str) -> SubmissionView:
        return SubmissionView.model_validate(self.get(f"/api/submissions/{submission_id}"))

    def follow(self, submission_id: str, state: str = "released", seconds: float = 120) -> SubmissionView:
        """The submission once it is in this state; fails at once where it ended in another."""

        def reached() -> SubmissionView | None:
            seen = self.submission(submission_id)
            assert seen.state in (state, "received", "checking", "waiting"), seen.model_dump_json(indent=1)
            return seen if seen.state == state else None

        found = until(reached, seconds, every=0.1, what=f"{submission_id} {state}")
        assert found is not None
        return found

    def publish(self, offer: "Offer") -> str:
        """Handed in and gone live by rule; `vendor/name`."""
        self.follow(self.submit(offer).id)
        return f"{self.slug}/{offer.manifest['name']}"

    def subscribe(self, service: str, plan: str) -> SubscriptionView:
        ids = {each.name: each.id for each in self.listing(service).plans}
        return SubscriptionView.model_validate(self.post("/api/subscriptions", {"plan_id": ids[plan]}))

    def set_budget(self, unit: str, window: str, cap: int, **more: str) -> None:
        """A cap on the organisation, on the key `key_id`, or with `side` `vendor` on its services."""
        body = {"unit": unit, "window": window, "cap": cap, **more}
        _told(self.http.put("/api/budgets", json=body))

    def budget(self, scope_begins: str) -> dict[str, int]:
        """How the one budget whose scope begins so stands: `used`, `held`, `left`."""
        (found,) = [each for each in self.get("/api/budgets")["items"] if each["scope"].startswith(scope_begins)]
        return {name: found[name] for name in ("used", "held", "left")}

    def make_key(self) -> NewKeyAnswer:
        """A consumer's key that may do all that its kind may."""
        return NewKeyAnswer.model_validate(self.post("/api/keys", {"kind": "ck", "name": "test"}))

    def usage_events(self, side: str = "consumer") -> list[UsageEventView]:
        """Every metered call of the organisation so far."""
        rows = self.every("/api/usage/events", side=side, limit=500)
        return [UsageEventView.model_validate(row) for row in rows]

    def count_usage(self) -> int:
        """How many calls of the organisation were metered so far."""
        return sum(row["calls"] for row in self.get("/api/usage")["totals"])

    def all_metered(self, count: int, seconds: float = 120) -> Counter[str]:
        """Request ids of all metered calls with how often each stands there, once there are at least `count`."""
        until(lambda: self.count_usage() >= count, seconds, every=0.2, what=f"{count} metered calls of {self.slug}")
        return Counter(event.request_id for event in self.usage_events())


class Offer:
    """What a vendor hands in."""

    def __init__(self, manifest: dict[str, Any], document: dict[str, Any] | None = None) -> None:
        self.manifest = manifest
        self.manifest_text = yaml.safe_dump(manifest)
        self.document = document
        self.document_text = None if document is None else json.dumps(document)


def model_offer(name: str, task: str, vendor_url: str, plans: list[dict[str, Any]]) -> Offer:
    """A model behind OpenAI's API."""
    return Offer(
        {
            **_common(name, "1.0.0", plans),
            "protocol": "openai",
            "task": task,
            "endpoint": {"url": f"{vendor_url}/v1", "model": "words-1", "timeout_seconds": 20, "limits": []},
        }
    )


def greeting_offer(
    name: str,
    vendor_url: str,
    plans: list[dict[str, Any]],
    *,
    version: str = "1.0.0",
    word: str = "hello",
    limits: Sequence[dict[str, Any]] = (),
) -> Offer:
    """A plain HTTP service that answers `word`."""
    manifest = {
        **_common(name, version, plans),
        "protocol": "openapi",
        "task": "other",
        "openapi": "openapi.json",
        "endpoint": {"url": f"{vendor_url}/{word}", "timeout_seconds": 20, "limits": list(limits)},
    }
    return Offer(manifest, {**GREETINGS, "info": {"title": "Greetings", "version": version}})


def _common(name: str, version: str, plans: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "mercato": 1,
        "name": name,
        "version": version,
        "title": f"The service {name}",
        "summary": "A small real service for the end-to-end tests.",
        "plans": plans,
        "licence": "Apache-2.0",
    }


GREETINGS: dict[str, Any] = {
    "openapi": "3.1.0",
    "security": [{"bearer": []}],
    "paths": {
        "/greeting": {
            "get": {
                "operationId": "greet",
                "summary": "A greeting",
                "responses": {
                    "200": {
                        "description": "The word and its length",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["word", "length"],
                                    "properties": {"word": {"type": "string"}, "length": {"type": "integer"}},
                                }
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
}
