"""One request is one transaction: opened before the first question, committed before the answer leaves."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from mercato.api.idempotency import Idempotency, StoredAnswer
from mercato.api.throttle import AskedTooOften, rate_limit_headers
from mercato.api.wiring import Wiring
from mercato.identity import PER_MINUTE, TOKEN_PREFIX, Allowances, Caller, NotSignedIn
from mercato.platform import Refusal, Session

_GUESSABLE = frozenset(
    {
        "/api/sessions",
        "/api/sessions/refresh",
        "/api/organisations",
        "/api/oauth/device_authorization",
        "/api/oauth/token",
        "/device",
        "/device/decision",
    }
)
"""Routes that prove who is asking by what their body holds. An `Authorization` header is not read there: whoever
renews an expired session often still sends the expired access token."""


class TransactionalRoute(APIRoute):
    """A route whose handler and dependencies share `request.state.session`.

    A refusal undoes the transaction. On POST an `Idempotency-Key` is honoured.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            wiring: Wiring = request.app.state.wiring
            kept_refusal: Refusal | None = None
            admitted = await _admit_deployment(request, wiring)
            async with wiring.database.transaction() as session:
                request.state.session = session
                if admitted is None:
                    request.state.caller = await _authenticate_slowly(request, wiring, session)
                    left = _take_allowance(request, wiring)
                else:
                    request.state.caller, left = admitted
                try:
                    response = await _answer_once(request, wiring, session, answer)
                except Refusal as refusal:
                    if not refusal.keeps_changes:
                        raise
                    kept_refusal = refusal
            if kept_refusal is not None:
                raise kept_refusal
            response.headers.update(left)
            return response

        return handle


async def _authenticate_slowly(request: Request, wiring: Wiring, session: Session) -> Caller | None:
    try:
        return await _authenticate(request, wiring, session)
    except NotSignedIn:
        # Whoever shows wrong credentials has the small allowance for it.
        wiring.guessing.take(_host(request), wiring.clock.now())
        raise


def _host(request: Request) -> str:
    return request.client.host if request.client else "unknown"


async def _authenticate(request: Request, wiring: Wiring, session: Session) -> Caller | None:
    credential = _credential(request)
    return None if credential is None else await wiring.authentication(session).authenticate(credential)


def _credential(request: Request) -> str | None:
    if request.url.path in _GUESSABLE:
        return None
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" and credential else None


async def _admit_deployment(request: Request, wiring: Wiring) -> tuple[Caller, dict[str, str]] | None:
    """Who shows a deployment's token, and what is left of its allowance; `None` for everybody else.

    A transaction of its own, before that of the request: what was asked counts also where the answer is a refusal.
    """
    credential = _credential(request)
    if credential is None or not credential.startswith(TOKEN_PREFIX):
        return None
    async with wiring.database.transaction() as session:
        caller = await _authenticate_slowly(request, wiring, session)
        assert caller is not None
        assert caller.deployment_id is not None
        taken = await Allowances(session, wiring.clock).take(caller.deployment_id)
    if not taken.allowed:
        raise AskedTooOften(
            f"More than {PER_MINUTE} requests a minute came from this deployment.",
            retry_after_seconds=taken.wait_seconds,
            per_minute=PER_MINUTE,
        )
    return caller, rate_limit_headers("deployment", PER_MINUTE, taken.left, taken.full_in_seconds)


def _take_allowance(request: Request, wiring: Wiring) -> dict[str, str]:
    caller: Caller | None = request.state.caller
    throttle = wiring.guessing if request.url.path in _GUESSABLE else wiring.throttle
    return throttle.take(caller.actor if caller else _host(request), wiring.clock.now())


async def _answer_once(
    request: Request, wiring: Wiring, session: Session, answer: Callable[[Request], Awaitable[Any]]
) -> Response:
    key = request.headers.get("idempotency-key")
    if request.method != "POST" or key is None:
        response: Response = await answer(request)
        return response
    body = await request.body()
    caller: Caller | None = request.state.caller
    idempotency = Idempotency(
        session,
        wiring.cipher,
        # Without a credential the body itself must be known to get its answer a second time.
        asker=caller.lasting_actor if caller else f"anonymous {body.hex()}",
        route=request.url.path,
        key=key,
        body=body,
    )
    stored = await idempotency.claim()
    if stored is not None:
        return Response(stored.body, stored.status, {"idempotent-replayed": "true"}, stored.media_type)
    response = await answer(request)
    media_type = response.headers.get("content-type", "application/json")
    idempotency.keep(
        StoredAnswer(response.status_code, media_type, bytes(response.body)), wiring.ids.secret(12), wiring.clock.now()
    )
    return response
