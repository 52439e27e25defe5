"""Refusals in SCIM's own words (RFC 7644, section 3.12)."""

from fastapi import Response

from mercato.platform import Malformed, Refusal

BASE = "/scim/v2"
MEDIA_TYPE = "application/scim+json"
_MALFORMED = 400


def refused(refusal: Refusal, headers: dict[str, str]) -> Response:
    """The sentence, what to do next, and in brackets our stable code: an error of SCIM has no other place for it."""
    from scim2_models import Error

    status = _MALFORMED if isinstance(refusal, Malformed) else refusal.status
    keyword = getattr(refusal, "keyword", None) or getattr(refusal, "scim_type", None)
    fix = refusal.to_problem().fix
    error = Error(status=status, scim_type=keyword, detail=f"{refusal.detail} {fix} [{refusal.code}]")
    return Response(error.model_dump_json(), status, headers, MEDIA_TYPE)
