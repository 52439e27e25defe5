"""How SCIM answers: its media type, its errors, and the token that each request shows (RFC 7644)."""

import json
from typing import Any

from fastapi import Request, Response
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from mercato.edge.addresses import origin_of
from mercato.edge.route import TransactionalRoute, UnitOfWork
from mercato.edge.scim_errors import MEDIA_TYPE
from mercato.edge.wiring import Wiring
from mercato.identity import Caller, NotSignedIn, ScimAccess, ScimMalformed


class ScimRoute(TransactionalRoute):
    """A route of `/scim/v2`: it takes tokens of identity providers, and no other credential."""

    async def _admit(self, request: Request, wiring: Wiring) -> None:
        """Nobody: a deployment's token is no token for provisioning."""

    async def _authenticate(self, request: Request, wiring: Wiring, unit: UnitOfWork) -> Caller:
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise NotSignedIn("This request carries no token for provisioning.")
        try:
            return await ScimAccess(await unit.begin(), wiring.clock).prove(credential.strip())
        except NotSignedIn:
            wiring.guessing.take(origin_of(request), wiring.clock.now())
            raise


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises `ScimMalformed`."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise ScimMalformed("The body is not JSON.", scim_type="invalidSyntax") from None
    if not isinstance(body, dict):
        raise ScimMalformed("The body is not a JSON object.", scim_type="invalidSyntax")
    return body


class reading:  # noqa: N801  (a block: `with reading():`)
    """What SCIM's own library refuses within the block leaves as `ScimMalformed`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValidationError):
            first = Error.from_validation_errors(error)[0]
            raise ScimMalformed(first.detail or "The request is malformed.", scim_type=first.scim_type) from None
        if isinstance(error, SCIMException):
            raise ScimMalformed(str(error), scim_type=error.scim_type or None) from None
        if isinstance(error, RecursionError):
            raise ScimMalformed("The request is nested too deeply.", scim_type="invalidSyntax") from None


def answered(body: dict[str, Any], status: int = 200, location: str | None = None) -> Response:
    """An answer in SCIM's media type."""
    headers = {} if location is None else {"location": location}
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
