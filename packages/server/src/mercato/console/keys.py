"""Keys: who made them, what they are for, what they spend; making, rotating and revoking them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import identity as keys_api
from mercato.api import metering as budgets_api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.snippets import Snippet, snippets_for
from mercato.console.visit import SignedIn
from mercato.edge.holds import read_hold
from mercato.edge.names import Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import KEY_SCOPES, Actors, Key, Permission, names_of_accounts
from mercato.metering import SeriesWanted, Summing
from mercato.platform import Malformed, NotFound, Refusal
from mercato_contracts.identity import KeyHoldRequest, NewKeyRequest, RotateKeyRequest
from mercato_contracts.metering import BudgetView

router = page_router()
slow = page_router(slow=True)

_PAGE = 100
_DAYS = 31
_LONGEST = 4_000
_GRACES = (("0", "at once"), ("3600", "an hour"), ("86400", "a day"), ("604800", "seven days"))


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a key did in the last 31 days."""

    calls: int = 0
    spent: Mapping[str, int] = field(default_factory=dict)
    """Nano-units by currency."""
    last_day: datetime | None = None

    @property
    def most(self) -> int:
        """What was spent in the currency with the most, to tell top spenders by."""
        return max(self.spent.values(), default=0)


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key with everything that is shown about it."""

    key: Key
    maker: str
    account: str
    """The service account that it belongs to; empty: its maker's own."""
    state: str
    use: KeyUse
    budget: BudgetView | None
    services: Sequence[str]
    """The names of those that it is held to; empty: all that the organisation subscribes to."""


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The list, and the form of a new key."""

    lines: Sequence[KeyLine]
    next: str
    may_write: bool
    sees_usage: bool
    days: int = _DAYS
    name: str = ""
    kind: str = "ck"
    services: str = ""
    addresses: str = ""
    account: str = ""
    expires_after: str = ""


@dataclass(frozen=True, slots=True)
class KeyPage:
    """One key. `services` and `addresses` are what it is held to, or what was typed last, a line each."""

    line: KeyLine
    services: str
    addresses: str
    scopes: Sequence[str]
    may_write: bool
    sees_usage: bool
    graces: Sequence[tuple[str, str]] = _GRACES
    days: int = _DAYS


@dataclass(frozen=True, slots=True)
class NewKeyPage:
    """The key's text, shown this once."""

    key: Key
    text: str
    snippets: Sequence[Snippet]


@dataclass(frozen=True, slots=True)
class KeyRoom:
    """The visitor, and what the page's requests need."""

    visit: SignedIn
    desk: keys_api.KeyDesk
    budgets: budgets_api.BudgetDesk
    session: Transaction
    parts: Parts


Room = Annotated[KeyRoom, Depends()]


@router.get("/keys")
async def show_keys(room: Room, after: After = None) -> Response:
    """Never used and top spenders first, those that are over last."""
    return room.visit.show("keys.html", await _keys_page(room, after))


@slow.post("/keys")
async def make_key(drawn: keys_api.Drawn, request: Request, room: Room) -> Response:
    """A new key; its text is on the page that follows, this once."""
    form, visit = await Form.of(request), room.visit
    try:
        days = form.find("days")
        body = as_request(
            NewKeyRequest,
            kind=form.get("kind") or "ck",
            name=form.find("name"),
            scopes=form.every("scopes") or None,
            expires_at=visit.now + timedelta(days=_days(days)) if days else None,
            service_account_id=form.find("service_account_id"),
            **_held(form),
        )
        new = await room.desk.make(
            visit.caller, kind=body.kind, name=body.name, scopes=body.scopes, expires_at=body.expires_at,
            hold=await read_hold(room.session, body, visit.caller.organisation_slug),
            account_id=body.service_account_id, drawn=drawn,
        )  # fmt: skip
    except Refusal as refusal:
        page = await _keys_page(room, None)
        typed = replace(
            page, name=form.get("name")[:120], kind=form.get("kind"), services=form.raw("services")[:_LONGEST],
            addresses=form.raw("addresses")[:_LONGEST], account=form.get("service_account_id")[:64],
            expires_after=form.get("days")[:10],
        )  # fmt: skip
        return visit.show("keys.html", typed, refusal=refusal)
    visit.made(new.row.id)
    return visit.show("key_new.html", NewKeyPage(new.row, new.text, snippets_for(room.parts, new.text)))


@router.get("/keys/{key_id}")
async def show_key(key_id: str, room: Room) -> Response:
    """One key of the caller's organisation."""
    return room.visit.show("key.html", await _key_page(room, key_id))


@router.post("/keys/{key_id}/hold")
async def hold_key(key_id: str, request: Request, room: Room) -> Response:
    """In force at gateways within a second; two empty fields lift the hold."""
    form = await Form.of(request)
    try:
        body = as_request(KeyHoldRequest, **_held(form))
        await keys_api.hold_key(key_id, body, room.visit.caller, room.desk, room.session, room.parts)
    except Refusal as refusal:
        page = await _key_page(room, key_id)
        services, addresses = form.raw("services")[:_LONGEST], form.raw("addresses")[:_LONGEST]
        typed = replace(page, services=services, addresses=addresses)
        return room.visit.show("key.html", typed, refusal=refusal)
    return room.visit.go(f"/keys/{key_id}")


@slow.post("/keys/{key_id}/rotate")
async def rotate_key(key_id: str, drawn: keys_api.Drawn, request: Request, room: Room) -> Response:
    """The successor's text, shown this once."""
    form = await Form.of(request)
    body = as_request(RotateKeyRequest, grace_seconds=form.find("grace_seconds"))
    new = await room.desk.rotate(room.visit.caller, key_id, timedelta(seconds=body.grace_seconds), drawn)
    return room.visit.show("key_new.html", NewKeyPage(new.row, new.text, snippets_for(room.parts, new.text)))


@router.post("/keys/{key_id}/revoke")
async def revoke_key(key_id: str, request: Request, room: Room) -> Response:
    """Out of force once its name was typed."""
    form = await Form.of(request)
    page = await _key_page(room, key_id)
    if form.get("name") != page.line.key.name:
        refusal = Malformed(f"Type the key's name, {page.line.key.name}, to revoke it.")
        return room.visit.show("key.html", page, refusal=refusal)
    await room.desk.revoke(room.visit.caller, key_id)
    return room.visit.go(f"/keys/{key_id}")


async def _keys_page(room: KeyRoom, after: str | None) -> KeysPage:
    visit = room.visit
    rows = await room.desk.list_all(visit.caller, after=after, limit=_PAGE)
    lines = await _lines(room, rows, only=None)
    return KeysPage(
        lines=sorted(lines, key=lambda line: (line.state != "in force", line.use.calls > 0, -line.use.most)),
        next=visit.here.on("after", Page.of(rows, _PAGE).next),
        may_write=visit.caller.may(Permission.KEYS_WRITE),
        sees_usage=visit.caller.may(Permission.USAGE_READ),
        account=visit.here.get("account")[:64],
    )


async def _key_page(room: KeyRoom, key_id: str) -> KeyPage:
    visit = room.visit
    row = await room.desk.find_own(visit.caller, key_id)
    if row is None:
        raise NotFound(f"Your organisation has no key {key_id[:64]}.")
    (line,) = await _lines(room, [row], only=row.id)
    return KeyPage(
        line=line,
        services="\n".join(line.services),
        addresses="\n".join(row.held_addresses),
        scopes=sorted(KEY_SCOPES[row.kind]),
        may_write=visit.caller.may(Permission.KEYS_WRITE),
        sees_usage=visit.caller.may(Permission.USAGE_READ),
    )


async def _lines(room: KeyRoom, rows: Sequence[Key], *, only: str | None) -> list[KeyLine]:
    visit = room.visit
    makers = await Actors(room.session).find({row.created_by for row in rows})
    accounts = await names_of_accounts(room.session, {row.service_account_id for row in rows})
    held = {each for row in rows for each in row.held_services}
    services = await Names(room.session).services(held) if held else {}
    uses: Mapping[str, KeyUse] = {}
    budgets: dict[str, BudgetView] = {}
    if visit.caller.may(Permission.USAGE_READ) and rows:
        uses = await _uses(room, only)
        found = await budgets_api.list_budgets(visit.caller, room.budgets)
        budgets = {one.key_id: one for one in found.items if one.key_id and one.unit == "nanos"}
    return [
        KeyLine(
            row,
            makers[row.created_by].name if row.created_by in makers else row.created_by,
            accounts.get(row.service_account_id or "", ""),
            state_of(row, visit.now),
            uses.get(row.id, KeyUse()),
            budgets.get(row.lineage_id),
            [services.get(each, each) for each in row.held_services],
        )
        for row in rows
    ]


async def _uses(room: KeyRoom, key_id: str | None) -> Mapping[str, KeyUse]:
    """From the sums of usage by day: the last day with a call is the day of the last use."""
    visit = room.visit
    end = visit.now + timedelta(days=1)
    wanted = SeriesWanted(
        side="consumer", since=end - timedelta(days=_DAYS), until=end, step="day", zone=visit.zone,
        metrics=("charged_nanos", "calls"), groups=("key",), where={"key": key_id} if key_id else {}, top=100,
        compare=False, forecast=False,
    )  # fmt: skip
    found = await Summing(room.session, room.parts.clock).series(visit.caller, wanted)
    uses: dict[str, KeyUse] = {}
    for line in found.lines:
        days = [at for at, calls in zip(found.steps.starts, line.values["calls"], strict=True) if calls]
        before = uses.get(line.keys[0], KeyUse())
        uses[line.keys[0]] = KeyUse(
            before.calls + line.total["calls"],
            {**before.spent, line.currency: before.spent.get(line.currency, 0) + line.total["charged_nanos"]},
            max(days, default=before.last_day),
        )
    return uses


def state_of(key: Key, now: datetime) -> str:
    """Whether it is in force, or why not."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "rotated" if key.rotated_to is not None else "in force"


def _held(form: Form) -> dict[str, list[str]]:
    """What was typed, a line or a word each."""
    return {name: form.get(name).replace(",", " ").split() for name in ("services", "addresses")}


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3650:
        raise Malformed("A key lives between 1 and 3650 days.")
    return int(text)


router.include_router(slow)
