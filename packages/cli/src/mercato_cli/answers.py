"""Shows a service's answer: complete for programs, without its long lists on a terminal."""

import json
from typing import TYPE_CHECKING, Any

from mercato_cli.errors import Exit, MpError
from mercato_cli.remedies import CALL_REMEDIES
from mercato_cli.text import clean

if TYPE_CHECKING:
    import httpx

_FULL_LIST, _HEAD = 12, 3
_FULL_TEXT, _TEXT_HEAD = 2_000, 200
_DETAIL = 300


def shortened(value: Any) -> tuple[str, bool]:
    """JSON in several lines, and whether long lists and texts (vectors, images) were cut."""
    cut = [False]
    return _lines(value, "", cut), cut[0]


def _lines(value: Any, indent: str, cut: list[bool]) -> str:
    if isinstance(value, dict) and value:
        inner = ",\n".join(
            f"{indent}  {_scalar(key)}: {_lines(each, indent + '  ', cut)}" for key, each in value.items()
        )
        return f"{{\n{inner}\n{indent}}}"
    if isinstance(value, list) and value:
        return _list(value, indent, cut)
    if isinstance(value, str) and len(value) > _FULL_TEXT:
        cut[0] = True
        return f'{_scalar(value[:_TEXT_HEAD])[:-1]}… ({len(value):,} characters)"'
    return _scalar(value)


def _list(value: list[Any], indent: str, cut: list[bool]) -> str:
    is_long = len(value) > _FULL_LIST
    cut[0] = cut[0] or is_long
    shown, rest = (value[:_HEAD], f"… {len(value) - _HEAD:,} more") if is_long else (value, "")
    if all(not isinstance(each, dict | list | str) for each in shown):
        return f"[{', '.join([*map(_scalar, shown), *([rest] if rest else [])])}]"
    items = [f"{indent}  {_lines(each, indent + '  ', cut)}" for each in shown]
    return "[\n" + ",\n".join([*items, *([f"{indent}  {rest}"] if rest else [])]) + f"\n{indent}]"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def refused_call(service: str, response: "httpx.Response", content: bytes) -> MpError:
    """The error about an answer of 300 or more: who refused, with which status and code, and the request's id."""
    from mercato_cli.transport import read_problem, retry_after

    request_id = response.headers.get("x-request-id", "")
    if not request_id:
        text = f"{response.url} answered {response.status_code}, not in the form of a gateway."
        return MpError(text, "Check the gateway's address: `mp whoami`, `mp login --gateway`.", Exit.UNREACHABLE)
    problem = read_problem(content) or {}
    by_gateway = _request_id(content) == request_id
    detail = str(problem.get("detail") or "") or _start_of(response, content)
    own_fix = _own_fix(problem) if by_gateway else ""
    # In OpenAI's and Anthropic's shapes the advice follows the detail in one message.
    detail = detail.removesuffix(own_fix).strip() or detail
    code = f" {problem['code']}" if problem.get("code") else ""
    by = "The gateway refused the call" if by_gateway else f"{service} answered with an error"
    wait = retry_after(response)
    fix = CALL_REMEDIES.get(str(problem.get("code")), own_fix) if by_gateway else ""
    fix = f"Try again in {wait:.0f} s." if wait is not None else fix
    known = {
        "status": response.status_code,
        "request_id": request_id,
        "refused_by": "gateway" if by_gateway else "service",
    }
    is_login = by_gateway and response.status_code == 401
    return MpError(
        f"{by} ({response.status_code}{code}): {_sentence(detail)}",
        f"{fix} Request {request_id}.".strip(),
        Exit.NOT_LOGGED_IN if is_login else Exit.REFUSED,
        {**problem, "detail": detail, **known},
    )


def _own_fix(problem: dict[str, Any]) -> str:
    """What the gateway itself advises about this code."""
    from mercato_contracts.codes import all_codes

    known = {each["code"]: each["fix"] for each in all_codes() if each["where"] == "gateway"}
    return str(problem.get("fix") or known.get(str(problem.get("code")), ""))


def _request_id(content: bytes) -> str:
    """The gateway writes the request's id into its own refusals."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return str(body.get("request_id", "")) if isinstance(body, dict) else ""


def _start_of(response: "httpx.Response", content: bytes) -> str:
    if response.has_redirect_location:
        return f"it redirects to {response.headers['location']}"
    text = " ".join(clean(content.decode(errors="replace")).split())
    return (text[:_DETAIL] + ("…" if len(text) > _DETAIL else "")) or "an empty response"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
