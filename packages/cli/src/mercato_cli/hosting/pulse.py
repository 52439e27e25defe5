"""A host's heartbeats: as long as its revision answers, every linked deployment sends them in time."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from mercato_cli.beats import beat
from mercato_cli.client import Client
from mercato_cli.errors import Exit, MpError
from mercato_cli.hosting.links import Link, drop_link, read_links
from mercato_cli.hosting.place import Place
from mercato_cli.identities import Identities
from mercato_cli.profiles import Profile, Profiles

_LOOK_SECONDS = 1.0
_TIMEOUT_SECONDS = 10.0
_GONE = frozenset({"deployment_not_found", "signal_deployment_unknown"})


class Pulse:
    """Sends the heartbeats of one place while its revision answers (`is_serving`); silence says that it does not."""

    def __init__(self, place: Place, config: Path, is_serving: Callable[[], bool], note: Callable[[str], None]) -> None:
        self._place = place
        self._profiles = Profiles(config)
        self._identities = Identities(config)
        self._is_serving = is_serving
        self._note = note
        self._next: dict[str, float] = {}
        self._trouble: dict[str, str] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            if self._is_serving():
                for link in read_links(self._place):
                    if time.monotonic() >= self._next.get(link.deployment, 0.0):
                        self._next[link.deployment] = time.monotonic() + link.interval_seconds
                        await asyncio.to_thread(self._send, link)
            await asyncio.sleep(_LOOK_SECONDS)

    def _send(self, link: Link) -> None:
        """One heartbeat; a failure goes to the log once, and the next one is tried when it is due."""
        trouble = ""
        try:
            profile = self._profiles.get(link.profile) if link.profile else Profile("", link.url, "", "")
            client = Client(profile, self._profiles, timeout=_TIMEOUT_SECONDS)
            beat(client, profile, self._identities, link.deployment, "ok")
        except MpError as error:
            trouble = f"{error.text} {error.fix}"
            if error.problem.get("code") in _GONE and error.exit_code is Exit.REFUSED:
                drop_link(self._place, link.deployment)
        except Exception as error:  # no failure of a heartbeat may end the host
            trouble = f"{type(error).__name__}: {error}"
        if trouble and trouble != self._trouble.get(link.deployment):
            self._note(f"heartbeat of {link.deployment}: {trouble}")
        self._trouble[link.deployment] = trouble
