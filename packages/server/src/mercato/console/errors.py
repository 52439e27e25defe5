"""A refusal as a page: code, sentence, what to do next, and the request's id."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request, Response

from mercato.console import page
from mercato.console.visit import Visit, see_other, sign_in_address, visit_of
from mercato.platform import Refusal
from mercato_contracts.problem import FieldError

_FIXES = {
    "idempotency_key_reused": "This form was sent already. Reload the page and send it again if you mean to.",
    "idempotency_key_in_flight": "Wait a second and reload: the first click is still being worked on.",
    "malformed_request": "Go back, correct the fields named here and send the form again.",
    "temporarily_unavailable": "Nothing was changed. Reload the page in a few seconds.",
    "internal_error": "Try again. If it stays, give the request's id to the marketplace's operator.",
    "not_found": "Check the address. What belongs to another organisation is not shown.",
}
_SENTENCES = {
    "idempotency_key_reused": "This form was sent already",
    "idempotency_key_in_flight": "This form is still being worked on",
}
"""Where the API's words are of headers that no form has."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """Everything that the page of a refusal shows."""

    status: int
    code: str
    title: str
    sentence: str
    fix: str
    errors: tuple[FieldError, ...]
    permission: str | None


def error_page(refusal: Refusal, request: Request) -> Response:
    """Somebody who must sign in, or prove who they are, is sent there; everybody else reads why."""
    visit = visit_of(request)
    if refusal.code == "not_signed_in":
        return see_other(sign_in_address(visit))
    if refusal.code == "step_up_needed":
        answer = see_other(f"{visit.prefix}/prove?next={quote(visit.page_path, safe='')}")
        visit.keep_form(answer)
        return answer
    problem = refusal.to_problem()
    permission = refusal.facts.get("permission")
    shown = ErrorPage(
        status=refusal.status,
        code=refusal.code,
        title=_SENTENCES.get(refusal.code, refusal.title),
        sentence=f"{_SENTENCES[refusal.code]}." if refusal.code in _SENTENCES else refusal.detail,
        fix=_FIXES.get(refusal.code, problem.fix),
        errors=tuple(refusal.errors),
        permission=None if permission is None else str(permission),
    )
    answer = page.render("error.html", _values(visit, shown), refusal.status, cache_control="no-store")
    if refusal.retry_after_seconds is not None:
        answer.headers["retry-after"] = str(refusal.retry_after_seconds)
    return answer


def _values(visit: Visit, shown: ErrorPage) -> Mapping[str, object]:
    return {"shell": visit.shell(), "page": shown, "refusal": None}
