"""The front page: what is here, and two doors."""

from dataclasses import dataclass

from fastapi import Response

from mercato.console.routes import page_router
from mercato.console.visit import Anybody

router = page_router()
_PUBLIC_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LandingPage:
    """Everything that it shows."""


@router.get("/")
async def show_landing(visit: Anybody) -> Response:
    """For somebody who has never been here."""
    return visit.show("landing.html", LandingPage(), public_seconds=_PUBLIC_SECONDS)
