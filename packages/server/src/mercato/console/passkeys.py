"""Passkeys: one's own, signing in with one, and proving anew.

Each page that needs the authenticator holds its options, and a plain form that the script sends with the answer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from mercato.console.forms import Form
from mercato.console.routes import page_router
from mercato.console.sign_in import begin_here
from mercato.console.visit import Anybody, SignedIn, own_path
from mercato.edge.auditing import note_denial
from mercato.edge.passkeys import PasskeyDesk
from mercato.edge.sessions import sessions_in
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Passkey
from mercato.platform import Malformed, Refusal

router = page_router()
_LONGEST_NAME = 120
_LONGEST_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class PasskeysPage:
    """The person's own."""

    passkeys: Sequence[Passkey]
    name: str = ""


@dataclass(frozen=True, slots=True)
class AuthenticatorPage:
    """What the authenticator is asked, and where its answer goes."""

    purpose: str
    options: str
    action: str
    name: str = ""
    next: str = ""


@router.get("/passkeys")
async def list_passkeys(visit: SignedIn, desk: PasskeyDesk) -> Response:
    """The oldest first, and the form of a new one."""
    return visit.show("passkeys.html", PasskeysPage(await desk.list_own(visit.caller)))


@router.post("/passkeys/new")
async def begin_adding_passkey(request: Request, visit: SignedIn, desk: PasskeyDesk) -> Response:
    """The authenticator is asked."""
    name = (await Form.of(request)).get("name").strip()[:_LONGEST_NAME]
    if not name:
        page = PasskeysPage(await desk.list_own(visit.caller))
        return visit.show("passkeys.html", page, refusal=Malformed("Give the passkey a name."))
    options = await desk.begin_adding(visit.caller)
    return visit.show("authenticator.html", AuthenticatorPage("add", json.dumps(options), "/passkeys", name))


@router.post("/passkeys")
async def add_passkey(request: Request, visit: SignedIn, desk: PasskeyDesk) -> Response:
    """The authenticator has answered."""
    form = await Form.of(request)
    try:
        made = await desk.add(visit.caller, form.get("name")[:_LONGEST_NAME] or "passkey", _answer(form))
    except Refusal as refusal:
        page = PasskeysPage(await desk.list_own(visit.caller), form.get("name")[:_LONGEST_NAME])
        return visit.show("passkeys.html", page, refusal=refusal)
    visit.made(made.id)
    return visit.go("/passkeys")


@router.post("/passkeys/{passkey_id}/remove")
async def remove_passkey(passkey_id: str, visit: SignedIn, desk: PasskeyDesk) -> Response:
    """It can no longer be used to sign in."""
    await desk.remove(visit.caller, passkey_id)
    return visit.go("/passkeys")


@router.get("/sign-in/passkey")
async def begin_passkey_sign_in(visit: Anybody, desk: PasskeyDesk, next: str = "") -> Response:
    """The authenticator is asked; the options name nobody."""
    options = json.dumps(desk.begin_signing_in())
    page = AuthenticatorPage("sign in", options, "/sign-in/passkey", next=own_path(next))
    return visit.show("authenticator.html", page)


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(
    request: Request, visit: Anybody, desk: PasskeyDesk, session: Transaction, parts: Parts
) -> Response:
    """A passkey is both factors."""
    form = await Form.of(request)
    try:
        user = await desk.prove(_answer(form))
    except Refusal as refusal:
        await note_denial(request, parts, refusal)
        return visit.show("passkey_refused.html", None, refusal=refusal)
    return await begin_here(visit, session, parts, user, own_path(form.find("next")), visit.now)


@router.get("/prove/passkey")
async def show_passkey_proof(visit: SignedIn, desk: PasskeyDesk, next: str = "") -> Response:
    """The authenticator is asked."""
    options = json.dumps(desk.begin_signing_in())
    page = AuthenticatorPage("prove", options, "/prove/passkey", next=own_path(next))
    return visit.show("authenticator.html", page)


@router.post("/prove/passkey")
async def prove_by_passkey(
    request: Request, visit: SignedIn, desk: PasskeyDesk, session: Transaction, parts: Parts
) -> Response:
    """Good for ten minutes."""
    form = await Form.of(request)
    try:
        await sessions_in(session, parts).prove_by_passkey(visit.caller, await desk.prove(_answer(form)))
    except Refusal as refusal:
        await note_denial(request, parts, refusal)
        return visit.show("passkey_refused.html", None, refusal=refusal)
    return visit.go(own_path(form.find("next")))


def _answer(form: Form) -> dict[str, Any]:
    """The answer of the authenticator. Raises `Malformed`."""
    try:
        answer = json.loads(form.raw("credential")[:_LONGEST_ANSWER])
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Malformed("The authenticator's answer is missing; let the page's script run and try again.")
    return answer
