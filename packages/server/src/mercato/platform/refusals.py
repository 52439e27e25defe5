"""A refusal is an answer: a class with a stable code, a status, facts and what to do next."""

from typing import Any, ClassVar

from mercato_contracts.problem import FieldError, Problem


class Refusal(Exception):
    """The base of every answer that is not what was asked for.

    A subclass sets `code` (stable for ever), `status` (HTTP), `title` (the kind, without facts) and `fix` (what a
    person does next); an instance has one sentence of `detail` and the facts behind it.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Refused"
    fix: ClassVar[str] = "Change the request and send it again."
    keeps_changes: ClassVar[bool] = False
    """Whether changes that the transaction made before the refusal are kept; by default a refusal rolls everything
    back.
    """

    def __init__(
        self,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        retry_after_seconds: int | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.retry_after_seconds = retry_after_seconds
        self.facts = facts

    def to_problem(self, request_id: str | None = None) -> Problem:
        """This refusal as RFC 9457 `application/problem+json`."""
        fix, wait = self.fix, self.retry_after_seconds
        if wait is not None:
            fix = fix.replace("the time in `Retry-After`", "1 second" if wait == 1 else f"{wait} seconds")
        return Problem(
            type=f"urn:mercato:problem:{self.code}",
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            fix=fix,
            errors=self.errors,
            facts=self.facts,
            request_id=request_id,
        )


class Malformed(Refusal):
    """The request does not have the shape that the route asks for."""

    code = "malformed_request"
    status = 422
    title = "The request is malformed"
    fix = "Fix the fields named under `errors` and send it again."


class NotFound(Refusal):
    """It does not exist, or the caller may not see it; the two cannot be distinguished."""

    code = "not_found"
    status = 404
    title = "Not found"
    fix = "Check the address or id; what belongs to another organisation is not shown."


class Conflict(Refusal):
    """The request contradicts what is stored."""

    code = "conflict"
    status = 409
    title = "Conflict"
    fix = "Read the current state and decide again."


class Unavailable(Refusal):
    """A part of the marketplace that this answer needs is unavailable. Nothing was changed."""

    code = "temporarily_unavailable"
    status = 503
    title = "Temporarily unavailable"
    fix = "Try again after the time in `Retry-After`."


def every_refusal(base: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """All loaded refusals, by code; the reference of error codes is written from them."""
    found = {base.code: base}
    for child in base.__subclasses__():
        found.update({kind.code: kind for kind in every_refusal(child)})
    return [found[code] for code in sorted(found)]
