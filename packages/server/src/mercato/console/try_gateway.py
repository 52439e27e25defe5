"""The calls of those who try a service: through the real gateway, with a key of the person's organisation.

The key is named for what it is, lives an hour and is kept in memory only. Its calls are metered and paid like any
other, and can be distinguished by its name.
"""

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from fastapi import Request
from fastapi.responses import StreamingResponse

from mercato.admin import tell_change
from mercato.console.gateway_link import GatewayAway, inner_url, trust
from mercato.console.visit import Visit
from mercato.edge.addresses import origin_of
from mercato.edge.auditing import context_of
from mercato.edge.idempotency import Idempotency, StillInFlight, StoredAnswer
from mercato.edge.wiring import Wiring
from mercato.identity import DrawnSecret, Keys, Permission, draw_secret
from mercato.platform import Refusal

KEY_NAME = "try (console)"
_KEY_LIFE = timedelta(hours=1)
_MOST_KEYS = 1_000
_MOST_SHOWN = 64 * 1024
_MOST_READ = 4 * 1024 * 1024
_CUT = b"\n(Cut here: the answer is longer.)\n"
_SECONDS = 60
_UNAUTHORISED = 401
_MADE = StoredAnswer(204, "text/plain", b"")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call as it is filled in; `path` is below the gateway."""

    method: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came back."""

    status: int
    kind: str
    text: str
    octets: int
    is_cut: bool
    is_more: bool
    """Whether nobody waited for its end, so that `octets` are the least it has."""
    first_byte_us: int
    total_us: int
    overhead_us: int | None
    request_id: str


class CallMadeAlready(Refusal):
    """The form of a call came before: the call costs something, and is made once."""

    code = "call_made_already"
    status = 409
    title = "This call was made already"
    fix = "Your calls list it with its price. Run it again to make another one."


async def claim_call(visit: Visit, parts: Wiring, service: str, attempt: str) -> None:
    """A form makes one call, however often it is sent: `attempt` tells it from every other one.

    Committed before the call is made, so that a call that lasts is known to the second click. Raises `CallMadeAlready`.
    """
    caller = visit.caller
    async with parts.database.transaction() as session:
        claim = Idempotency(
            session, parts.cipher, asker=f"{caller.organisation_id} {caller.lasting_actor}", route=f"try {service}",
            key=attempt, body=b"",
        )  # fmt: skip
        try:
            stored = await claim.claim()
        except StillInFlight:
            stored = _MADE
        if stored is not None:
            raise CallMadeAlready("This form was sent already, and its call was made.")
        claim.keep(_MADE, parts.ids.secret(12), visit.now)


class TryKeys:
    """The keys of the last hour, by person; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def find(self, actor: str, now: datetime) -> str | None:
        """A key that is in force for some minutes more."""
        found = self._keys.get(actor)
        return found[0] if found is not None and found[1] - now > timedelta(minutes=5) else None

    def forget(self, actor: str) -> None:
        """The gateway refused it, for example because somebody revoked it."""
        self._keys.pop(actor, None)

    def keep(self, actor: str, text: str, expires_at: datetime) -> None:
        self._keys[actor] = (text, expires_at)
        self._keys.move_to_end(actor)
        if len(self._keys) > _MOST_KEYS:
            self._keys.popitem(last=False)


_KEYS = TryKeys()


async def key_for(visit: Visit, request: Request, parts: Wiring) -> str:
    """The person's key of the last hour, or a new one; it is committed before it is used."""
    caller, now = visit.caller, visit.now
    caller.require(Permission.KEYS_WRITE)
    caller.require(Permission.CALL)
    kept = _KEYS.find(caller.actor, now)
    if kept is not None:
        return kept
    async with parts.hasher.place(origin_of(request)):
        drawn: DrawnSecret = await draw_secret(parts.ids, parts.hasher)
    async with parts.database.transaction() as session:
        keys = Keys(session, parts.clock, parts.ids, parts.hasher, parts.outbox)
        new = await keys.make(
            caller, kind="ck", name=KEY_NAME, scopes=[Permission.CALL.value], expires_at=now + _KEY_LIFE, drawn=drawn
        )
        await tell_change(
            session, parts.outbox, context_of(request), verb="key.made", operation="make_key", subject_id=new.row.id,
            names={},
        )  # fmt: skip
    _KEYS.keep(caller.actor, new.text, now + _KEY_LIFE)
    return new.text


async def send(visit: Visit, parts: Wiring, call: Outgoing, key: str) -> Tried:
    """What came back, as far as it is shown. Raises `GatewayAway`."""
    began = time.perf_counter_ns()
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False, verify=trust(parts)) as client:
            answer = await client.send(_request(client, parts, call, key), stream=True)
            first, taken = time.perf_counter_ns(), bytearray()
            async for some in answer.aiter_bytes():
                taken += some
                if len(taken) > _MOST_READ:
                    break
            await answer.aclose()
    except httpx.HTTPError as error:
        raise GatewayAway(f"The gateway did not answer: {type(error).__name__}.") from None
    if answer.status_code == _UNAUTHORISED:
        _KEYS.forget(visit.caller.actor)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    overhead = answer.headers.get("x-mercato-overhead-us", "")
    return Tried(
        status=answer.status_code,
        kind=kind,
        text=_shown(bytes(taken[:_MOST_SHOWN]), kind, whole=len(taken) <= _MOST_SHOWN),
        octets=len(taken),
        is_cut=len(taken) > _MOST_SHOWN,
        is_more=len(taken) > _MOST_READ,
        first_byte_us=(first - began) // 1000,
        total_us=(time.perf_counter_ns() - began) // 1000,
        overhead_us=int(overhead) if overhead.isdecimal() else None,
        request_id=answer.headers.get("x-request-id", ""),
    )


def _shown(content: bytes, kind: str, *, whole: bool) -> str:
    if not kind.startswith("text/") and "json" not in kind:
        return f"{len(content)} bytes of {kind or 'an unnamed type'}"
    text = content.decode(errors="replace")
    if whole and "json" in kind:
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            return text
    return text


async def open_stream(visit: Visit, parts: Wiring, call: Outgoing, key: str, *, file: str = "") -> StreamingResponse:
    """The answer as it comes, with what its script needs in headers; as a download of the name `file` the whole of it.

    Raises `GatewayAway`.
    """
    client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False, verify=trust(parts))
    try:
        answer = await client.send(_request(client, parts, call, key), stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise GatewayAway(f"The gateway did not answer: {type(error).__name__}.") from None
    if answer.status_code == _UNAUTHORISED:
        _KEYS.forget(visit.caller.actor)
    headers = {
        "x-tried-status": str(answer.status_code),
        "x-tried-request": answer.headers.get("x-request-id", ""),
        "cache-control": "no-store",
    }
    # Text or bytes, whatever it says it is: nothing that a service answers is a page of ours.
    if file:
        headers |= {"content-disposition": f'attachment; filename="{file}"', "x-content-type-options": "nosniff"}
        return StreamingResponse(_pass(client, answer, None), headers=headers, media_type="application/octet-stream")
    shown = _pass(client, answer, _MOST_READ)
    return StreamingResponse(shown, headers=headers, media_type="text/plain; charset=utf-8")


async def _pass(client: httpx.AsyncClient, answer: httpx.Response, most: int | None) -> AsyncIterator[bytes]:
    taken = 0
    try:
        async for some in answer.aiter_bytes():
            taken += len(some)
            yield some
            if most is not None and taken > most:
                yield _CUT
                break
    finally:
        await answer.aclose()
        await client.aclose()


def _request(client: httpx.AsyncClient, parts: Wiring, call: Outgoing, key: str) -> httpx.Request:
    headers = {"authorization": f"Bearer {key}"}
    content = call.body.encode() if call.method != "GET" and call.body.strip() else None
    if content is not None:
        headers["content-type"] = "application/json"
    return client.build_request(call.method, inner_url(parts) + call.path, headers=headers, content=content)
