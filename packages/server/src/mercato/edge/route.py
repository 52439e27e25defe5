"""One request is one transaction: opened before the first question, committed before the answer leaves.

What is slow comes before it, while no connection of the database is held: the body was read (`middleware.py`), and a
key that this process has not seen is proved.
"""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, ClassVar, Self

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from mercato.edge.addresses import origin_of
from mercato.edge.auditing import context_of, note_change, noting_refusals
from mercato.edge.holds import authenticated
from mercato.edge.idempotency import Idempotency, StillInFlight, StoredAnswer
from mercato.edge.maintenance import refuse_in_maintenance
from mercato.edge.throttle import AskedTooOften, rate_limit_headers
from mercato.edge.viewing import refuse_while_viewing
from mercato.edge.wiring import Wiring, get_wiring
from mercato.identity import PER_MINUTE, SCIM_PREFIX, TOKEN_PREFIX, Allowances, Caller, NotSignedIn
from mercato.platform import Refusal, Session, serving
from mercato_contracts.keys import KINDS

_GUESSABLE = frozenset(
    {
        "/api/sessions",
        "/api/sessions/refresh",
        "/api/organisations",
        "/api/oauth/device_authorization",
        "/api/oauth/token",
        "/api/password-resets",
        "/api/password-resets/use",
        "/api/invitations/show",
        "/api/invitations/accept",
        "/api/passkeys/options",
        "/api/passkeys/sign-ins",
        "/api/sso/sign-ins",
        "/api/sso/answers",
    }
)
"""Routes that prove who is asking by what their body holds. An `Authorization` header is not read there: whoever
renews an expired session often still sends the expired access token."""


_WAITS = (0.1, 0.2, 0.3, *(0.5,) * 28)
"""Seconds between looks at a form that was sent twice: 15 in all."""


class AlreadyAnswered(Exception):
    """The request came before with this `Idempotency-Key`: its answer."""

    def __init__(self, stored: StoredAnswer) -> None:
        super().__init__()
        self.stored = stored


class UnitOfWork:
    """One request's transaction, and its claim on its `Idempotency-Key`, or on the `key` that its form holds.

    A form waits for the one that was sent before it: a browser shows the answer to the second click alone.
    """

    def __init__(self, request: Request, wiring: Wiring, key: str | None = None) -> None:
        self._request = request
        self._wiring = wiring
        self._is_form = key is not None
        self._key = key or request.headers.get("idempotency-key")
        self._stack = AsyncExitStack()
        self._session: Session | None = None
        self._idempotency: Idempotency | None = None
        self._is_claimed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def begin(self) -> Session:
        """The transaction; begun at the first call."""
        if self._session is None:
            self._session = await self._stack.enter_async_context(self._wiring.database.transaction())
        return self._session

    async def open(self) -> Session:
        """The transaction, once the request is known to be new. Raises `AlreadyAnswered`, `StillInFlight`."""
        if self._is_claimed:
            return await self.begin()
        self._is_claimed = True
        for seconds in _WAITS if self._is_form else ():
            try:
                return await self._begin_claimed()
            except StillInFlight:
                # Nothing was done in it: who waits holds no connection.
                await self._stack.aclose()
                self._session = None
                await self._wiring.pause(seconds)
        return await self._begin_claimed()

    async def _begin_claimed(self) -> Session:
        session = await self.begin()
        await self._claim(session)
        return session

    def keep(self, response: Response) -> None:
        """Store the answer with the work, where the request carries a key for it."""
        if self._idempotency is None:
            return
        media_type = response.headers.get("content-type", "application/json")
        answer = StoredAnswer(response.status_code, media_type, bytes(response.body))
        self._idempotency.keep(answer, self._wiring.ids.secret(12), self._wiring.clock.now())

    async def _claim(self, session: Session) -> None:
        request = self._request
        key = self._key
        if request.method != "POST" or key is None:
            return
        body = await request.body()
        caller: Caller | None = request.state.caller
        self._idempotency = Idempotency(
            session,
            self._wiring.cipher,
            # Without a credential the body itself must be known to get its answer a second time.
            # One person may act in several organisations, and each is a place of its own.
            asker=f"{caller.organisation_id} {caller.lasting_actor}" if caller else f"anonymous {body.hex()}",
            route=request.url.path,
            key=key,
            body=body,
        )
        stored = await self._idempotency.claim()
        if stored is not None:
            self._idempotency = None
            raise AlreadyAnswered(stored)


class TransactionalRoute(APIRoute):
    """A route whose handler and dependencies share one transaction.

    A refusal undoes the transaction. On POST an `Idempotency-Key` is honoured.
    """

    opens_late: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            wiring = get_wiring(request)
            async with noting_refusals(request, wiring):
                return await self._handle(request, wiring, answer)

        return handle

    async def _handle(
        self, request: Request, wiring: Wiring, answer: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Response:
        left = _take_guess(request, wiring) if _proves_by_body(request) else {}
        kept_refusal: Refusal | None = None
        admitted = await self._admit(request, wiring)
        async with UnitOfWork(request, wiring) as unit:
            request.state.unit = unit
            if admitted is None:
                request.state.caller = await self._authenticate(request, wiring, unit)
                left = left or _take_allowance(request, wiring)
            else:
                request.state.caller, left = admitted
            try:
                refuse_while_viewing(request, request.state.caller)
                refuse_in_maintenance(request, wiring, request.state.caller)
                if not self.opens_late:
                    await unit.open()
                with serving(context_of(request)) as served:
                    response = await answer(request)
                    await note_change(request, unit.begin, wiring, served, response)
                unit.keep(response)
            except AlreadyAnswered as again:
                stored, headers = again.stored, {"idempotent-replayed": "true"}
                response = Response(stored.body, stored.status, headers, stored.media_type)
            except Refusal as refusal:
                if not refusal.keeps_changes:
                    raise
                kept_refusal = refusal
        if kept_refusal is not None:
            raise kept_refusal
        response.headers.update(left)
        return response

    async def _admit(self, request: Request, wiring: Wiring) -> tuple[Caller, dict[str, str]] | None:
        """What comes before the transaction: the deployment that asks, or the proof of the key that is shown."""
        admitted = await _admit_deployment(request, wiring)
        await prove_credential(request, wiring)
        return admitted

    async def _authenticate(self, request: Request, wiring: Wiring, unit: UnitOfWork) -> Caller | None:
        if credential_of(request) is None:
            return None
        if not self.opens_late:
            return await _authenticate_slowly(request, wiring, await unit.begin())
        async with wiring.database.transaction() as session:
            return await _authenticate_slowly(request, wiring, session)


class LateTransactionalRoute(TransactionalRoute):
    """A route of which a part is slow, such as the check of a password: the transaction is opened by the first
    dependency that asks for `Transaction`, so what is slow is a dependency named before it."""

    opens_late = True


async def prove_credential(request: Request, wiring: Wiring) -> None:
    """Proves the key that the request shows, unless this process has. Raises `NotSignedIn`, `AskedTooOften`."""
    credential = credential_of(request)
    if credential is not None:
        await prove_text(request, wiring, credential)


async def prove_text(request: HTTPConnection, wiring: Wiring, credential: str) -> None:
    """The same for a credential that came otherwise. An access token proves itself, and so does a provider's token."""
    if credential.partition("_")[0] in KINDS and not credential.startswith((TOKEN_PREFIX, SCIM_PREFIX)):
        await prove_key(request, wiring, credential)


async def prove_key(request: HTTPConnection, wiring: Wiring, text: str) -> None:
    """Proves a key that somebody shows, within what their address may guess. Raises `NotSignedIn`, `AskedTooOften`."""
    if wiring.key_proof.is_proven(text):
        return
    origin = origin_of(request)
    wiring.guessing.take(origin, wiring.clock.now())
    await wiring.key_proof.prove(text, origin=origin)
    wiring.guessing.give_back(origin)


async def _authenticate_slowly(request: Request, wiring: Wiring, session: Session) -> Caller:
    credential = credential_of(request)
    assert credential is not None
    try:
        return await authenticated(request, wiring, session, credential)
    except NotSignedIn:
        # Whoever shows wrong credentials has the small allowance for it.
        wiring.guessing.take(origin_of(request), wiring.clock.now())
        raise


def _proves_by_body(request: Request) -> bool:
    return request.method == "POST" and request.scope["path"] in _GUESSABLE


def credential_of(request: Request) -> str | None:
    """The credential that the request shows; `None` where it shows none, or is proved by its body."""
    if _proves_by_body(request):
        return None
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" and credential else None


async def _admit_deployment(request: Request, wiring: Wiring) -> tuple[Caller, dict[str, str]] | None:
    """Who shows a deployment's token, and what is left of its allowance; `None` for everybody else.

    A transaction of its own, before that of the request: what was asked counts also where the answer is a refusal.
    """
    credential = credential_of(request)
    if credential is None or not credential.startswith(TOKEN_PREFIX):
        return None
    async with wiring.database.transaction() as session:
        caller = await _authenticate_slowly(request, wiring, session)
        assert caller.deployment_id is not None
        taken = await Allowances(session, wiring.clock).take(caller.deployment_id)
    if not taken.allowed:
        raise AskedTooOften(
            f"More than {PER_MINUTE} requests a minute came from this deployment. Try again in {taken.wait_seconds} s.",
            retry_after_seconds=taken.wait_seconds,
            per_minute=PER_MINUTE,
        )
    return caller, rate_limit_headers("deployment", PER_MINUTE, taken.left, taken.full_in_seconds)


def _take_guess(request: Request, wiring: Wiring) -> dict[str, str]:
    """By address, whatever credential is shown: whoever guesses can make as many keys of their own as they like."""
    return wiring.guessing.take(origin_of(request), wiring.clock.now())


def _take_allowance(request: Request, wiring: Wiring) -> dict[str, str]:
    caller: Caller | None = request.state.caller
    now = wiring.clock.now()
    if caller is None:
        return wiring.throttle.take(origin_of(request), now)
    # An organisation makes keys and adds people as it likes: all of them together have an allowance too.
    wiring.organisations.take(caller.organisation_id, now)
    return wiring.throttle.take(caller.lasting_actor, now)
