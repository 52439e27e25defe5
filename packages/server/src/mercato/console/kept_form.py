"""What was typed in a form that needed a proof of who asks first: kept for the page that the proof leads back to.

It waits in a cookie of this browser for ten minutes at most, and never holds a secret.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response

from mercato.console.forms import MOST_FIELDS

_SECONDS = 600
_MOST_BYTES = 3_500
"""Of the cookie: browsers drop one above 4 KB, and a form above this is not kept."""
_MOST_TEXT = 20_000
_SECRET = frozenset({"password", "current", "new", "secret", "client_secret", "value", "code", "token", "credential"})
"""Fields that nothing is kept of; the person types them again."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form that was not done: where it is sent, and its fields in order."""

    action: str
    page: str
    fields: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]

    def is_of(self, page_path: str) -> bool:
        """Whether it was on this page."""
        return urlsplit(self.page).path == urlsplit(page_path).path


def keep_form(answer: Response, request: Request, *, actor: str, action: str, page: str, name: str) -> None:
    """Let the browser hold what this request's form had, for `actor` alone. A form with files is not kept."""
    body = getattr(request.state, "form_body", None)
    if body is None:
        return
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MOST_FIELDS)
    except ValueError:
        return
    fields = [pair for pair in pairs if pair[0] not in _SECRET]
    secrets = sorted({field for field, _ in pairs if field in _SECRET})
    kept = {"actor": actor, "action": action, "page": page, "fields": fields, "secrets": secrets}
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(kept).encode(), 9)).decode()
    if fields and len(text) <= _MOST_BYTES:
        secure = name.startswith("__Host-")
        answer.set_cookie(name, text, max_age=_SECONDS, path="/", secure=secure, httponly=True, samesite="lax")


def find_kept(request: Request, *, actor: str, name: str) -> KeptForm | None:
    """What the browser holds of this person; `None` where there is nothing, or nothing that we wrote."""
    text = request.cookies.get(name)
    if text is None:
        return None
    try:
        whole = zlib.decompressobj().decompress(base64.urlsafe_b64decode(text.encode()), _MOST_TEXT)
        kept = json.loads(whole)
        return _read(kept, actor)
    except (ValueError, KeyError, TypeError, zlib.error, RecursionError):
        return None


def _read(kept: Mapping[str, object], actor: str) -> KeptForm | None:
    action, page, fields, secrets = (kept[name] for name in ("action", "page", "fields", "secrets"))
    is_ours = isinstance(action, str) and action.startswith("/") and not action.startswith("//")
    if kept["actor"] != actor or not is_ours or not isinstance(fields, list) or not isinstance(secrets, list):
        return None
    return KeptForm(
        action=str(action),
        page=str(page),
        fields=tuple((str(field), str(value)) for field, value in fields),
        secrets=tuple(str(field) for field in secrets if field in _SECRET),
    )
