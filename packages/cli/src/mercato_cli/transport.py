"""Requests of the control API: retried, authenticated, and answered with the contracts' types or an `MpError`.

Every POST carries an `Idempotency-Key`, so every request may be retried, and is after failures of the network or the
server: at most three attempts, within the timeout.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from mercato_cli.errors import Exit, MpError, not_logged_in
from mercato_cli.profiles import Profile, Profiles
from mercato_cli.remedies import REMEDIES
from mercato_cli.web import open_client, unreachable
from mercato_contracts.identity import SessionView

Answer = TypeVar("Answer", bound=BaseModel)
Page = TypeVar("Page", bound=BaseModel)

_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_PAUSES = (0.2, 0.6)  # seconds before the second and third try
_FALTERING = (502, 503, 504)
_REFRESH_BEFORE_SECONDS = 30
_REFRESH = "/api/sessions/refresh"


class Transport:
    """The connection to `profile`'s marketplace. `timeout` in seconds is for a whole answer, all tries together.

    `now` gives seconds since 1970. Every method raises `MpError`: REFUSED with the problem, NOT_LOGGED_IN, or
    UNREACHABLE.
    """

    def __init__(
        self, profile: Profile, profiles: Profiles, *, timeout: float, now: Callable[[], float] = time.time
    ) -> None:
        self._profile = profile
        self._profiles = profiles
        self._timeout = timeout
        self._now = now
        self.prove_again: Callable[[], None] | None = None
        """Asks the person to prove their identity again, if the request needs that and somebody can answer."""
        self._http = open_client(profile.url, timeout=timeout, base_url=profile.url, headers={"user-agent": "mp"})

    @property
    def url(self) -> str:
        """The marketplace's address."""
        return self._profile.url

    def pages(
        self, kind: type[Page], path: str, query: dict[str, Any] | None = None, *, cursor: str = "after"
    ) -> Iterator[Any]:
        """The items of all pages, page by page; `cursor` is the parameter that the next one is asked for by."""
        after: str | None = None
        while True:
            page: Any = self.ask(kind, "GET", path, query={**(query or {}), cursor: after, "limit": 200})
            yield from page.items
            after = page.next
            if after is None:
                return

    def ask(
        self, kind: type[Answer], method: str, path: str, body: object = None, query: dict[str, Any] | None = None
    ) -> Answer:
        """The answer as `kind`; `body` is sent as JSON."""
        content = self.request(method, path, body, query)
        return self.read(kind, path, content)

    def read(self, kind: type[Answer], path: str, content: bytes) -> Answer:
        """The answer's body as `kind`."""
        try:
            # A newer marketplace may send fields that this client does not know.
            return kind.model_validate_json(content, extra="ignore")
        except ValidationError:
            raise _unusable(
                f"{path} of {self._profile.url} sent a response that this version of mp does not understand."
            ) from None

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, Any] | None = None,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        credential: str | None = None,
    ) -> bytes:
        """The answer's body. `body` is sent as JSON, `content` as it is; `credential` in place of the profile's."""
        headers = {"accept": "application/json", **(headers or {})}
        if method == "POST":
            headers["idempotency-key"] = str(uuid.uuid4())
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._http.build_request(method, path, json=body, content=content, params=given, headers=headers)
        status, answer, pause = self._send_authenticated(request, credential)
        if status == 403 and self.prove_again is not None and _needs_proof(answer):
            self.prove_again()
            status, answer, pause = self._send_authenticated(request, credential)
        if status >= 300:
            shown = self._profile.credential if credential is None else credential
            raise refusal(
                status,
                answer,
                self._profile.url,
                log_in=_how_to_log_in(self._profile),
                retry_after_seconds=pause,
                is_authenticated=bool(shown),
            )
        return answer

    def fetch(self, path: str) -> bytes:
        """A file, wherever the marketplace keeps it."""
        self._refresh_when_due()
        headers = {"authorization": f"Bearer {self._profile.credential}"}
        url = self._profile.url
        try:
            answer = self._http.get(path, headers=headers)
            if answer.status_code == 307:
                # The link carries its own signature: our credential stays here.
                url = str(answer.url.join(answer.headers["location"]))
                with open_client(url, timeout=self._timeout) as elsewhere:
                    answer = elsewhere.get(url)
        except (httpx.RequestError, httpx.InvalidURL, KeyError) as error:
            if isinstance(error, httpx.RequestError):
                raise unreachable(url, error, self._timeout) from None
            raise _unusable(f"{path} of {url} is not a valid link.") from None
        if answer.status_code >= 300:
            raise refusal(answer.status_code, answer.content, url, log_in=_how_to_log_in(self._profile))
        return answer.content

    def stream(self, path: str, query: dict[str, Any]) -> Iterator[bytes]:
        """A file of any length as it comes. Raises `MpError` also where it ends before its end."""
        self._refresh_when_due()
        headers = {"authorization": f"Bearer {self._profile.credential}"}
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given, headers=headers) as answer:
                if answer.status_code >= 300:
                    content = answer.read()
                    raise refusal(answer.status_code, content, self._profile.url, log_in=_how_to_log_in(self._profile))
                yield from answer.iter_bytes()
        except httpx.RequestError as error:
            raise unreachable(self._profile.url, error, self._timeout) from None

    def _send_authenticated(self, request: httpx.Request, credential: str | None) -> tuple[int, bytes, float | None]:
        if credential is not None:
            _show(request, credential)
            return self._send(request)
        self._refresh_when_due()
        _show(request, self._profile.credential)
        answer = self._send(request)
        # Clocks differ: the marketplace may find a token expired that is in force by ours.
        if answer[0] == 401 and self._profile.refresh_token:
            self._refresh()
            _show(request, self._profile.credential)
            answer = self._send(request)
        return answer

    def _refresh_when_due(self) -> None:
        expires_at = self._profile.expires_at
        if (
            self._profile.refresh_token
            and expires_at is not None
            and expires_at - self._now() < _REFRESH_BEFORE_SECONDS
        ):
            self._refresh()

    def _refresh(self) -> None:
        """A new access token in the profile, here and in its file."""
        with self._profiles.refreshing(self._profile) as kept:
            # Another mp may have refreshed while this one waited for the lock.
            if kept.credential == self._profile.credential and kept.refresh_token:
                # No access token goes along: it has expired, and the refresh token alone is the proof.
                body = {"refresh_token": kept.refresh_token}
                pair = self.read(SessionView, _REFRESH, self.request("POST", _REFRESH, body, credential=""))
                kept = with_session(kept, pair)
                self._profiles.keep(kept, use=False)
            self._profile = kept

    def _send(self, request: httpx.Request) -> tuple[int, bytes, float | None]:
        """Status, body and `Retry-After` of the first answer that is not worth a retry, or of the last one."""
        deadline = time.monotonic() + self._timeout
        for pause in (*_PAUSES, None):
            try:
                status, content, asked_pause = self._send_once(request, deadline)
                lost = None
            except httpx.RequestError as error:
                lost, asked_pause = error, None
            if lost is None and status not in _FALTERING:
                return status, content, asked_pause
            wait = asked_pause or pause
            is_late = isinstance(lost, httpx.TimeoutException) or time.monotonic() + (wait or 0) > deadline
            if pause is None or wait is None or is_late:
                break
            time.sleep(wait)
        if lost is not None:
            raise unreachable(self._profile.url, lost, self._timeout) from None
        return status, content, asked_pause

    def _send_once(self, request: httpx.Request, deadline: float) -> tuple[int, bytes, float | None]:
        response = self._http.send(request, stream=True)
        try:
            return response.status_code, read_all(response, deadline), retry_after(response)
        finally:
            response.close()


def with_session(profile: Profile, pair: SessionView) -> Profile:
    """The profile with a new pair of tokens."""
    return Profile(
        name=profile.name,
        url=profile.url,
        gateway=profile.gateway,
        credential=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_at=pair.access_expires_at.timestamp(),
        device_token=pair.device_token or profile.device_token,
    )


def read_all(response: httpx.Response, deadline: float) -> bytes:
    """The whole body, until `deadline` (monotonic seconds), not too large. Raises `MpError` or httpx errors."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_ANSWER_BYTES:
            raise _unusable(f"The response has more than {_MAX_ANSWER_BYTES // 2**20} MiB.")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the response took too long", request=response.request)
    return bytes(content)


def refusal(
    status: int,
    content: bytes,
    url: str,
    *,
    log_in: str = "",
    retry_after_seconds: float | None = None,
    is_authenticated: bool = True,
) -> MpError:
    """What a status of 300 or more means. Understands problem+json and the error shapes of OpenAI and Anthropic.

    `log_in` is what to do about a credential that is not accepted, or was not sent (`is_authenticated`).
    """
    problem = read_problem(content)
    if problem is None:
        raise _unusable(f"{url} answered {status}, not in the form of a marketplace.")
    code = str(problem.get("code"))
    if retry_after_seconds is not None and status in (429, 503):
        return MpError(problem["detail"], f"Try again in {retry_after_seconds:.0f} s.", Exit.REFUSED, problem)
    own, remedy = problem.get("fix"), REMEDIES.get(code)
    if status == 401 and code == "not_signed_in" and not is_authenticated:
        return not_logged_in(f"You are not logged in to {url}.", log_in)
    if status == 401:
        advice = remedy or log_in or "Log in with `mp login`."
        return MpError(problem["detail"], advice, Exit.NOT_LOGGED_IN, problem)
    return MpError(problem["detail"], remedy or (own if isinstance(own, str) else ""), Exit.REFUSED, problem)


def read_problem(content: bytes) -> dict[str, Any] | None:
    """The refusal in an answer as a problem with a `detail`; nothing where it holds none."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(problem, dict) and isinstance(problem.get("error"), dict):
        inner = problem["error"]
        problem = {"detail": inner.get("message"), "code": inner.get("code") or inner.get("type"), "error": inner}
    return problem if isinstance(problem, dict) and isinstance(problem.get("detail"), str) else None


def retry_after(response: httpx.Response) -> float | None:
    """The seconds of `Retry-After`, if it has any."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdecimal() and len(given) < 6 else None


def _needs_proof(answer: bytes) -> bool:
    problem = read_problem(answer)
    return problem is not None and problem.get("code") == "step_up_needed"


def _show(request: httpx.Request, credential: str) -> None:
    request.headers.pop("authorization", None)
    if credential:
        request.headers["authorization"] = f"Bearer {credential}"


def _how_to_log_in(profile: Profile) -> str:
    """The advice for a credential that is no longer accepted: a person signs in, a program needs a key."""
    where = f" --profile {profile.name}" if profile.name not in ("", "default") else ""
    if profile.refresh_token:
        return f"Log in again with `mp login --email ADDRESS{where}`."
    if profile.credential and not profile.name:
        return "Set MERCATO_TOKEN to a key that is in force."
    if profile.credential:
        return f"Log in with a key that is in force: `mp login --token -{where}`."
    return f"Log in with `mp login --url {profile.url}{where}`."


def _unusable(text: str) -> MpError:
    return MpError(text, "Check the address with `mp whoami`, or log in with `mp login --url`.", Exit.UNREACHABLE)
