"""`mp doctor`: is everything in place, and if not, what to do."""

import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    import httpx

_MOST_SKEW_SECONDS = 30
_LEAST_FREE_BYTES = 1024**3
_PATIENCE_SECONDS = 5.0
_SIGNS = {"ok": "ok", "warning": "careful", "failed": "FAILED"}


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing that was looked at."""

    name: str
    outcome: Literal["ok", "warning", "failed"]
    told: str  # a field of --json
    fix: str = ""


@click.command()
@command
def doctor(mp: Mp) -> None:
    """Check versions, address, clock, credential, gateway and disk; exit code 1 if something is broken."""
    found = [_versions(), _disk(mp.profiles.path)]
    try:
        profile = mp.profile
    except MpError as error:
        found.append(Examination("profile", "failed", error.text, error.fix))
    else:
        named = profile.name or "from MERCATO_TOKEN"
        found.append(Examination("profile", "ok", f"{named}, {profile.url}"))
        found += _marketplace(mp, profile.url)
        found.append(_gateway(mp))
    facts = {"healthy": all(each.outcome != "failed" for each in found), "items": [asdict(each) for each in found]}
    mp.console.show(facts, lambda: _tell(mp, found))
    if not facts["healthy"]:
        raise SystemExit(int(Exit.REFUSED))


def _tell(mp: Mp, found: list[Examination]) -> None:
    mp.console.table(["", "", ""], [(each.name, _SIGNS[each.outcome], each.told) for each in found], "")
    for each in found:
        if each.fix:
            mp.console.say(f"{each.name}: {each.fix}")


def _versions() -> Examination:
    from importlib.metadata import version  # 10 ms, which `mp --help` need not take

    facts = f"mp {version('mercato-cli')}, Python {sys.version.split()[0]}"
    return Examination("versions", "ok", facts)


def _disk(path: Path) -> Examination:
    place = next(each for each in (path, *path.parents) if each.exists())
    free = min(shutil.disk_usage(place).free, shutil.disk_usage(Path.cwd()).free)
    facts = f"{free / 1024**3:.1f} GiB free"
    if free < _LEAST_FREE_BYTES:
        return Examination("disk", "warning", facts, "Make room: a data round and a model need about 1 GiB.")
    return Examination("disk", "ok", facts)


def _marketplace(mp: Mp, url: str) -> list[Examination]:
    """Address, clock and credential; the last two only where the first answers."""
    began = time.time()
    answer = _ask(mp, f"{url}/healthz")
    if isinstance(answer, MpError):
        return [Examination("marketplace", "failed", answer.text, answer.fix)]
    took_ms = (time.time() - began) * 1000
    reached = Examination("marketplace", "ok", f"answers in {took_ms:.0f} ms")
    if answer.status_code != 200:
        facts = f"{url}/healthz answered {answer.status_code}"
        reached = Examination("marketplace", "failed", facts, "Check the address: `mp login --url`.")
    return [reached, _clock(answer, (began + time.time()) / 2), _credential(mp)]


def _clock(answer: "httpx.Response", now: float) -> Examination:
    try:
        from email.utils import parsedate_to_datetime

        skew = now - parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return Examination("clock", "warning", "the marketplace does not send its time")
    # The header counts whole seconds.
    if abs(skew) > _MOST_SKEW_SECONDS + 1:
        direction = "ahead of" if skew > 0 else "behind"
        facts = f"{abs(skew):.0f} s {direction} the marketplace"
        return Examination("clock", "failed", facts, "Set this machine's clock: signatures and tokens depend on it.")
    return Examination("clock", "ok", f"within {max(1, abs(round(skew)))} s of the marketplace")


def _credential(mp: Mp) -> Examination:
    try:
        me = mp.client.me()
    except MpError as error:
        return Examination("credential", "failed", error.text, error.fix)
    return Examination("credential", "ok", f"{me.organisation}, {me.role}")


def _gateway(mp: Mp) -> Examination:
    try:
        url = mp.gateway
    except MpError as error:
        return Examination("gateway", "failed", error.text, error.fix)
    answer = _ask(mp, f"{url}/readyz")
    if isinstance(answer, MpError):
        return Examination("gateway", "failed", answer.text, "Name it with `mp login --gateway`, or start it.")
    if answer.status_code != 200:
        return Examination("gateway", "warning", f"{url} is not ready ({answer.status_code})", "Wait, then look again.")
    return Examination("gateway", "ok", url)


def _ask(mp: Mp, url: str) -> "httpx.Response | MpError":
    import httpx

    from mercato_cli.web import open_client, unreachable

    patience = min(mp.timeout, _PATIENCE_SECONDS)
    try:
        with open_client(url, timeout=patience) as http:
            return http.get(url)
    except httpx.RequestError as error:
        return unreachable(url, error, patience)
    except MpError as error:
        return error
