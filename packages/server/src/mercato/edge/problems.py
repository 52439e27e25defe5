"""Every refusal leaves as `application/problem+json` (RFC 9457) with a code, what to do and the request's id."""

from collections.abc import Callable

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import Error as PsycopgError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from mercato.edge.scim_errors import refused as in_scim
from mercato.platform import Malformed, NotFound, Refusal, Unavailable
from mercato_contracts.problem import MEDIA_TYPE, FieldError
from mercato_contracts.words import message_of

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_DATA = ("/api/", "/scim/", "/objects/", "/openapi.json", "/internal/", "/static-offline-docs/")
"""Addresses that answer programs, also where a browser asks."""

_SCIM = "/scim/"
"""Addresses that answer identity providers, which know no other errors than SCIM's."""

ErrorPage = Callable[[Refusal, Request], Response]
"""A refusal as a page. `Edge` hands it to each request."""

log = structlog.get_logger(__name__)


class MethodNotAllowed(Refusal):
    """The address exists, but not with this method."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"
    fix = "Use a method named in the `Allow` header."


class BodyTooLarge(Refusal):
    """The body is larger than the control API reads."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"
    fix = "Send at most 16 MiB."


class BodyTooSlow(Refusal):
    """The client sent the body too slowly, or stopped."""

    code = "body_too_slow"
    status = 408
    title = "The body came too slowly"
    fix = "Send the whole body at once; after ten seconds at least 8 KiB a second must arrive."


class RequestRefused(Refusal):
    """The server could not read the request."""

    code = "bad_request"
    status = 400
    title = "The request could not be read"
    fix = "Send well-formed HTTP with a JSON body."


class InternalError(Refusal):
    """A fault of ours. Nothing was changed."""

    code = "internal_error"
    status = 500
    title = "Something went wrong on our side"
    fix = "Try again; if it keeps failing, give the operator the request's id."


def install_problems(app: FastAPI) -> None:
    """Render refusals, validation errors, lost databases and faults."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    for kind in (OperationalError, InterfaceError, PoolTimeout, PsycopgError, ConnectionError):
        app.add_exception_handler(kind, _unavailable)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(OverflowError, _not_computable)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _fault)


def render(refusal: Refusal, request: Request, headers: dict[str, str] | None = None) -> Response:
    """The refusal as an answer to this request: a page for a browser, a problem for everybody else."""
    page: ErrorPage | None = getattr(request.state, "error_page", None)
    if page is not None and _is_for_a_browser(request):
        return page(refusal, request)
    sent = dict(headers or {})
    if refusal.retry_after_seconds is not None:
        sent["Retry-After"] = str(refusal.retry_after_seconds)
    if refusal.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith(_SCIM):
        return in_scim(refusal, sent)
    request_id = getattr(request.state, "request_id", None)
    body = refusal.to_problem(request_id).model_dump_json(exclude_none=True)
    return Response(body, refusal.status, sent, MEDIA_TYPE)


def _is_for_a_browser(request: Request) -> bool:
    if getattr(request.state, "is_page", False):
        return True
    is_data = request.url.path.startswith(_DATA)
    return not is_data and "text/html" in request.headers.get("accept", "")


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return render(error, request)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(
            field=".".join(str(part) for part in item["loc"] if part != "body") or "body",
            code=str(item["type"]),
            message=message_of(item),
        )
        for item in error.errors()
    ]
    # Only names: a message may repeat what was sent.
    named = ", ".join(dict.fromkeys(item.field for item in errors[:5]))
    return render(Malformed(f"The request is not valid: {named}.", errors=errors), request)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return render(NotFound(f"There is nothing at {request.url.path}."), request, headers)
    if error.status_code == 405:
        allowed = {"Allow": ", ".join(_methods_of(request))}
        return render(MethodNotAllowed(f"{request.method} is not offered here."), request, headers | allowed)
    if error.status_code == 413:
        return render(BodyTooLarge(str(error.detail)), request, headers)
    return render(RequestRefused(str(error.detail)), request, headers)


def _methods_of(request: Request) -> list[str]:
    """Every method that some route offers at this path: a path may belong to several routes."""
    app: FastAPI = request.app
    offered = (method for method in _METHODS if _is_offered(app, {**request.scope, "method": method}))
    return sorted(offered)


def _is_offered(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("the database did not answer", error=type(error).__name__)
    return render(Unavailable("The database does not answer just now.", retry_after_seconds=2), request)


async def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    if error.connection_invalidated:
        return await _unavailable(request, error)
    return await _fault(request, error)


async def _not_storable(request: Request, error: Exception) -> Response:
    # A NUL character in an address, or a number beyond 64 bits: nothing that a room could have meant.
    return render(Malformed("The request holds a value that no record can hold, such as a NUL character."), request)


async def _not_computable(request: Request, error: Exception) -> Response:
    # A time at an end of the calendar, before which or after which there is none. Logged: it may be a fault of ours.
    log.warning("a request led beyond what can be computed", path=request.url.path, exc_info=error)
    return render(Malformed("The request holds a time or number beyond those that can be computed with."), request)


async def _fault(request: Request, error: Exception) -> Response:
    log.error("a request broke", path=request.url.path, exc_info=error)
    return render(InternalError("This request met a fault of ours; nothing was changed."), request)
