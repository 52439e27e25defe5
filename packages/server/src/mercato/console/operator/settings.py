"""Settings, announcements and data rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from mercato.admin import Announcement, Announcements
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.datasets import DataShelves, Round, Shelf
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Refusal, Session
from mercato_contracts.announcements import AnnouncementRequest
from mercato_contracts.settings import SettingView

router = page_router()
_ROWS = 100


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """What this process has read."""

    items: Sequence[SettingView]


@router.get("/ops/settings")
async def show_settings(visit: SignedIn, parts: Parts) -> Response:
    """Value, source, meaning; secrets are hidden."""
    visit.caller.require(Permission.SETTINGS_READ)
    return visit.show("operator/settings.html", SettingsPage(parts.shown_settings))


@dataclass(frozen=True, slots=True)
class AnnouncementsPage:
    """All of them, the newest first."""

    items: Sequence[Announcement]
    now: datetime
    may_write: bool
    typed: Mapping[str, str]

    def state(self, one: Announcement) -> str:
        """Still to come, in force, or over."""
        if one.ends_at is not None and one.ends_at <= self.now:
            return "over"
        return "in force" if one.starts_at <= self.now else "to come"


@router.get("/ops/announcements")
async def show_announcements(visit: SignedIn, session: Transaction) -> Response:
    """With the form for a new one."""
    return visit.show("operator/announcements.html", await _announcements(visit, session))


@router.post("/ops/announcements")
async def announce(request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """A notice, or maintenance."""
    form = await Form.of(request)
    try:
        wanted = as_request(
            AnnouncementRequest, kind=form.find("kind"), text=form.find("text"), ends_at=_as_utc(form.find("ends_at"))
        )
        desk = Announcements(session, parts.clock, parts.ids, parts.outbox)
        await desk.make(visit.caller, kind=wanted.kind, text=wanted.text, starts_at=None, ends_at=wanted.ends_at)
    except Refusal as refusal:
        typed = {name: form.get(name)[:500] for name in ("text", "kind", "ends_at")}
        page = await _announcements(visit, session, typed)
        return visit.show("operator/announcements.html", page, refusal=refusal)
    return visit.go("/ops/announcements")


@router.post("/ops/announcements/{announcement_id}/end")
async def end_announcement(announcement_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Out of force from now on."""
    await Announcements(session, parts.clock, parts.ids, parts.outbox).end(visit.caller, announcement_id)
    return visit.go("/ops/announcements")


def _as_utc(text: str | None) -> str | None:
    """What a field for date and time holds has no offset; its label says UTC."""
    return None if text is None else f"{text}Z" if len(text) <= len("2026-11-01T00:00:00") else text


async def _announcements(visit: Visit, session: Session, typed: Mapping[str, str] | None = None) -> AnnouncementsPage:
    parts = visit.wiring
    rows = await Announcements(session, parts.clock, parts.ids, parts.outbox).list_all(visit.caller, _ROWS)
    return AnnouncementsPage(rows, visit.now, visit.caller.may(Permission.MARKETPLACE_WRITE), typed or {})


@dataclass(frozen=True, slots=True)
class RoundsPage:
    """Datasets with their newest rounds."""

    shelves: Sequence[tuple[Shelf, Sequence[Round]]]


@router.get("/ops/rounds")
async def show_rounds(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Of every dataset."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    shelves = DataShelves(session, parts.clock, parts.objects)
    rounds: dict[str, list[Round]] = {}
    for dataset, each in await shelves.rounds_of_each(visit.caller, limit=12):
        rounds.setdefault(dataset.id, []).append(each)
    found = [(shelf, rounds.get(shelf.dataset.id, [])) for shelf in await shelves.list_all(visit.caller)]
    return visit.show("operator/rounds.html", RoundsPage(found))
