"""The control API as each party of the story uses it: signed in, one method for each thing they do."""

import time
from collections.abc import Generator, Iterator
from functools import cached_property
from typing import Any, Literal
from uuid import uuid4

import httpx

from mercato_contracts.discovery import SearchHit
from mercato_contracts.identity import MeView, NewKeyAnswer
from mercato_contracts.publishing import ServiceView, SubmissionView

WAIT_SECONDS = 300


class ControlRefused(Exception):
    """The control API refused what the story needs; the message has its code and its advice. `status` 0: it is late."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Party:
    """Somebody at work."""

    def __init__(self, url: str, auth: httpx.Auth | None = None) -> None:
        # People pause: a connection kept from before may be closed by the server just as it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=url, auth=auth, timeout=60, limits=limits)

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Raises `ControlRefused`."""
        return self._parsed(self._http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON. Raises `ControlRefused`."""
        headers = {"idempotency-key": str(uuid4())}
        return self._parsed(self._http.post(path, json=body, headers=headers))

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON. Raises `ControlRefused`."""
        return self._parsed(self._http.put(path, json=body))

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """All items of a paged list."""
        after: str | None = None
        while True:
            page = self.get(path, **query, limit=200, **({"after": after} if after else {}))
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _parsed(self, answer: httpx.Response) -> Any:
        if answer.is_error:
            raise ControlRefused(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}",
                answer.status_code,
            )
        return answer.json()


class _SignedIn(httpx.Auth):
    """The access token of a session. It lasts a quarter of an hour, the story longer on a busy machine."""

    requires_response_body = True

    def __init__(self, email: str, password: str, token: str) -> None:
        self._who = {"email": email, "password": password}
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code != 401:
            return
        begun = yield httpx.Request("POST", request.url.join("/api/sessions"), json=self._who)
        if begun.is_success:
            self._token = begun.json()["access_token"]
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request


class Visitor(Party):
    """Somebody without an account."""

    def sign_up(self, slug: str, name: str) -> "Member":
        """A new organisation, seen by its first administrator."""
        email, password = f"admin@{slug}.example", uuid4().hex
        self.post("/api/organisations", {"organisation": slug, "name": name, "email": email, "password": password})
        return self.sign_in(email, password, slug)

    def sign_in(self, email: str, password: str, slug: str) -> "Member":
        """A session of an account."""
        token = self.post("/api/sessions", {"email": email, "password": password})["access_token"]
        return Member(str(self._http.base_url), _SignedIn(email, password, token), slug, email, password)


class Member(Party):
    """Somebody of the organisation `slug`."""

    def __init__(self, url: str, session: httpx.Auth, slug: str, email: str, password: str) -> None:
        super().__init__(url, session)
        self.slug = slug
        self.email = email
        self.password = password

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """As everybody's, and with a new proof of who it is where what is asked needs one."""
        try:
            return super().post(path, body)
        except ControlRefused as refused:
            if "step_up_needed" not in str(refused):
                raise
            self.prove()
            return super().post(path, body)

    def prove(self) -> None:
        """Good for ten minutes."""
        answer = self._http.post("/api/sessions/current/proof", json={"password": self.password})
        if answer.is_error:
            raise ControlRefused(f"the proof: {answer.status_code} {answer.text}", answer.status_code)

    def vouch_for(self, vendor: "Member") -> None:
        """As the operator: the vendor's releases may go live by rule."""
        self.put(f"/api/organisations/{vendor.slug}/verification", {"verified": True})

    @cached_property
    def organisation_id(self) -> str:
        """Of the organisation, as events and ledger name it."""
        return MeView.model_validate(self.get("/api/me")).organisation_id

    def add_colleague(self, role: str) -> "Member":
        """A new user with this role, signed in."""
        email, password = f"{role}@{self.slug}.example", uuid4().hex
        person = {"email": email, "name": role.title(), "password": password, "role": role}
        self.post("/api/users", person)
        return Visitor(str(self._http.base_url)).sign_in(email, password, self.slug)

    def make_key(self, kind: Literal["ck", "vk"], name: str) -> str:
        """The text of a new key, shown this once."""
        return NewKeyAnswer.model_validate(self.post("/api/keys", {"kind": kind, "name": name})).key

    def search(self, words: str) -> list[SearchHit]:
        """What the catalogue finds, the best first."""
        return [SearchHit.model_validate(hit) for hit in self.get("/api/search", q=words)["items"]]

    def find_soon(self, words: str, service: str) -> list[SearchHit]:
        """The same, asked until `service` is first: a new listing reaches the index a moment after its release."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (hits := self.search(words)) or hits[0].name != service:
            if time.monotonic() > deadline:
                raise ControlRefused(f"{words!r} finds {[hit.name for hit in hits]} and not {service} first")
            time.sleep(0.2)
        return hits

    def listing(self, service: str) -> ServiceView:
        """A service with the plans that are open."""
        return ServiceView.model_validate(self.get(f"/api/services/{service}"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission with what each phase found."""
        return SubmissionView.model_validate(self.get(f"/api/submissions/{submission_id}"))

    def follow(self, submission_id: str, *states: str) -> SubmissionView:
        """The submission once it is in one of `states`. Raises `ControlRefused` if it is refused or late."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (seen := self.submission(submission_id)).state not in states:
            if seen.state == "refused" or time.monotonic() > deadline:
                found = [finding.model_dump() for phase in seen.phases for finding in phase.findings]
                raise ControlRefused(f"{seen.service} {seen.version} is {seen.state}: {found} {seen.approval}")
            time.sleep(0.1)
        return seen
