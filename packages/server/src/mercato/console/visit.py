"""One request of a browser: who is there, where the page lies, and how it is answered.

A page module asks for `Anybody` or `SignedIn`, fills a dataclass with everything that its template shows, and returns
`visit.show(template, page)`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, FastAPI, Request, Response
from starlette.routing import Match

from mercato.console import navigation, page
from mercato.console.formatting import known_zone
from mercato.console.kept_form import KeptForm, find_kept, keep_form
from mercato.console.navigation import PATHS
from mercato.console.query import Address, address_of
from mercato.edge.wiring import Wiring, get_wiring
from mercato.identity import Caller, NotSignedIn, SignedInPerson, StepUpNeeded, ViewOf
from mercato.platform import Refusal

ZONE_COOKIE = "mercato_zone"
_LONGEST_NEXT = 500


@dataclass(frozen=True, slots=True)
class Shell:
    """What the frame around a page shows."""

    prefix: str
    path: str
    query: str
    page_path: str
    """Where a form that belongs to no page, such as that of the time zone, leads back to."""
    here: Address
    person: SignedInPerson | None
    public: Sequence[navigation.Link]
    areas: Sequence[navigation.Area]
    foot: Sequence[navigation.Link]
    current: str
    zone: str
    now: datetime
    request_id: str
    notices: Sequence[str]
    """What the operator tells everybody now."""
    new_once: Callable[[], str]
    """A value that tells one form from every other."""
    view: ViewOf | None = None
    """Whom an operator views as."""
    kept: KeptForm | None = None
    """What was typed in a form of this page that needed a proof first."""

    @property
    def minutes_left(self) -> int:
        """Of the view, rounded up."""
        return -(-self.seconds_left // 60)

    @property
    def seconds_left(self) -> int:
        """Of the view, rounded up."""
        return 0 if self.view is None else max(0, -((self.now - self.view.ends_at) // timedelta(seconds=1)))


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser's request. `person` is `None` where nobody is signed in."""

    request: Request
    wiring: Wiring
    person: SignedInPerson | None = field(default=None)

    @property
    def caller(self) -> Caller:
        """Raises `NotSignedIn`."""
        if self.person is None:
            raise NotSignedIn("This page is for people who are signed in.")
        return self.person.caller

    @property
    def zone(self) -> str:
        """The time zone that the person chose; UTC until then."""
        return zone_of(self.request)

    @property
    def here(self) -> Address:
        """This page's address, to make others of."""
        return address_of(self.prefix + self.path, self.request.url.query)

    def at(self, path: str) -> Address:
        """The list at `path` with this request's filters.

        A form that was not done is answered at an address of its own, which nobody can open.
        """
        return Address(self.prefix + path, self.here.pairs)

    @property
    def page_path(self) -> str:
        """The page that is looked at, with its query: of a form the one that it was on."""
        if self.request.method == "GET":
            return self.path + (f"?{self.request.url.query}" if self.request.url.query else "")
        referer = urlsplit(self.request.headers.get("referer", ""))
        return own_path(referer.path.removeprefix(self.prefix) + (f"?{referer.query}" if referer.query else ""))

    @property
    def now(self) -> datetime:
        return self.wiring.clock.now()

    @property
    def path(self) -> str:
        """The address within the marketplace, without where it is mounted."""
        root = str(self.request.scope.get("root_path", ""))
        whole = str(self.request.scope["path"])
        return whole.removeprefix(root) if root else whole

    @property
    def prefix(self) -> str:
        return prefix_of(self.request, self.wiring)

    def show(
        self,
        template: str,
        shown: object,
        status: int = 200,
        *,
        refusal: Refusal | None = None,
        public_seconds: int = 0,
    ) -> Response:
        """The page of `template`, which reads `page` and nothing else.

        `refusal` is why a form was not done: shown above it, with its status. `public_seconds`: how long others may
        keep the page, where nobody is signed in. Raises `StepUpNeeded` where that is the refusal: it is not read but
        leads to a proof and back.
        """
        if isinstance(refusal, StepUpNeeded):
            raise refusal
        kept = f"public, max-age={public_seconds}" if public_seconds and self.person is None else "no-store"
        shell = self.shell()
        values = {"shell": shell, "page": shown, "refusal": refusal}
        answer = page.render(template, values, refusal.status if refusal else status, cache_control=kept)
        if shell.kept is not None:
            self._forget_form(answer)
        if refusal is not None and refusal.retry_after_seconds is not None:
            answer.headers["retry-after"] = str(refusal.retry_after_seconds)
        return answer

    def go(self, path: str, **query: str) -> Response:
        """On to another page of ours: 303, after a form was done."""
        asked = f"{'&' if '?' in path else '?'}{urlencode(query)}" if query else ""
        return see_other(self.prefix + path + asked)

    def keep_form(self, answer: Response) -> None:
        """What was typed is on the page again once the person has proved who they are."""
        if self.person is not None and self.request.method == "POST":
            keep_form(
                answer, self.request, actor=self.caller.actor, action=self.path, page=self.page_path,
                name=self._typed_cookie,
            )  # fmt: skip

    @property
    def _typed_cookie(self) -> str:
        # As that of the session: behind https no other host can set it.
        return "__Host-mercato_typed" if self._is_secure else "mercato_typed"

    @property
    def _is_secure(self) -> bool:
        return self.wiring.client_url.startswith("https:")

    def _forget_form(self, answer: Response) -> None:
        answer.delete_cookie(self._typed_cookie, path="/", secure=self._is_secure, httponly=True)

    def _kept_form(self) -> KeptForm | None:
        if self.person is None or self.request.method != "GET" or not self.caller.proved_lately(self.now):
            return None
        found = find_kept(self.request, actor=self.caller.actor, name=self._typed_cookie)
        return found if found is not None and found.is_of(self.page_path) else None

    def made(self, subject_id: str) -> None:
        """Tells the audit log the id of what a form made; an answer of the API holds it, a page does not."""
        self.request.state.subject_id = subject_id

    def shell(self) -> Shell:
        """The frame of this visit's page."""
        served = _served(self.request.app)
        areas = navigation.areas_for(self.person.caller, served) if self.person else []
        return Shell(
            prefix=self.prefix,
            path=self.path,
            query=self.request.url.query,
            page_path=self.page_path,
            here=self.here,
            person=self.person,
            public=navigation.public_links(self.person.caller if self.person else None, served),
            areas=areas,
            foot=navigation.foot_links(served),
            current=navigation.current_path(self.path, [navigation.PUBLIC, *areas]),
            zone=self.zone,
            now=self.now,
            request_id=getattr(self.request.state, "request_id", ""),
            notices=[notice.text for notice in self.wiring.notices.current()],
            new_once=lambda: self.wiring.ids.secret(16).hex(),
            view=None if self.person is None else self.person.caller.viewing,
            kept=self._kept_form(),
        )


def zone_of(request: Request) -> str:
    """The time zone of this browser's pages."""
    return known_zone(request.cookies.get(ZONE_COOKIE))


def see_other(address: str) -> Response:
    """Its address has no host, because a redirect must not repeat the one that the client sent."""
    return Response(status_code=303, headers={**page.HEADERS, "location": address, "cache-control": "no-store"})


def prefix_of(request: Request, wiring: Wiring) -> str:
    """Where the marketplace is mounted, without a closing slash: by the server, or by a proxy that takes it away."""
    return str(request.scope.get("root_path", "")) or urlsplit(wiring.client_url).path.rstrip("/")


def sign_in_address(visit: Visit) -> str:
    """The sign-in page, which leads back here."""
    target = visit.page_path
    return f"{visit.prefix}/sign-in" + (f"?next={quote(target, safe='')}" if target not in ("/", "/home") else "")


def own_path(text: str | None) -> str:
    """`text` where it is a path of ours, else the home page: nobody is sent to another site."""
    chosen = (text or "")[:_LONGEST_NEXT]
    parts = urlsplit(chosen)
    is_ours = chosen.startswith("/") and not parts.scheme and not parts.netloc
    return chosen if is_ours and chosen.isprintable() and "\\" not in chosen else "/home"


def visit_of(request: Request) -> Visit:
    """What the route found out; for a page that failed before that, a visit of nobody."""
    found: Any = getattr(request.state, "visit", None)
    return found if isinstance(found, Visit) else Visit(request, get_wiring(request))


def _signed_in(request: Request) -> Visit:
    visit = visit_of(request)
    assert visit.caller
    return visit


@lru_cache(maxsize=8)
def _served(app: FastAPI) -> frozenset[str]:
    """Which entries of the navigation this process has a page for."""
    routes = app.router.routes
    asked = {path: {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []} for path in PATHS}
    return frozenset(
        path for path, scope in asked.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


Anybody = Annotated[Visit, Depends(visit_of)]
"""Whoever looks, signed in or not."""
SignedIn = Annotated[Visit, Depends(_signed_in)]
"""Somebody who is signed in; others are sent to the sign-in page."""
