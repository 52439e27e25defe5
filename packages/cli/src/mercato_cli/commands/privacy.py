"""`mp privacy`: a copy of what is known of a person, their erasure, and what stands against it."""

import hashlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_contracts.privacy import ErasureView, HoldView

_WAIT_SECONDS = 300.0
_LOOK_SECONDS = 0.5


@click.group()
def privacy() -> None:
    """What is known of people: get a copy, erase somebody, hold what must be kept."""


@privacy.command("export")
@click.argument("person", metavar="PERSON", default="me")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("known-of-me.zip"),
              show_default=True, help="Where the file goes.")  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Only ask; `mp privacy fetch` gets it later.")
@command
def export(mp: Mp, person: str, out: Path, no_wait: bool) -> None:
    """Get a copy of what is known of PERSON (`usr_…`; yourself without one).

    Run `mp prove` first where your last proof is older than ten minutes.
    """
    asked = mp.client.export_person(person)
    if no_wait:
        mp.console.show(asked.model_dump(mode="json"), lambda: mp.console.fields([("copy", asked.id)]))
        return
    _fetch(mp, asked.id, out)


@privacy.command("fetch")
@click.argument("copy", metavar="COPY")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("known-of-me.zip"),
              show_default=True, help="Where the file goes.")  # fmt: skip
@command
def fetch(mp: Mp, copy: str, out: Path) -> None:
    """Get the file of COPY (`pex_…`), within seven days."""
    _fetch(mp, copy, out)


@privacy.command("erase")
@click.argument("person", metavar="PERSON")
@click.option("--yes", is_flag=True, help="Do not ask; it cannot be undone.")
@command
def erase(mp: Mp, person: str, yes: bool) -> None:
    """Erase PERSON (`usr_…`, or `me`).

    They have no access from now on. Run `mp prove` first where your last proof is older than ten minutes.
    """
    if not yes and not (sys.stdin.isatty() and click.confirm(f"Erase {person}, for good?", err=True)):
        raise MpError("Nobody was erased.", "An erasure cannot be undone: confirm it, or pass --yes.")
    _show(mp, mp.client.erase_person(person))


@privacy.command("erasures")
@command
def list_erasures(mp: Mp) -> None:
    """Erasures of your organisation, the newest first; all for operators."""
    found = mp.client.list_erasures()
    rows = [(each.id, each.person, each.organisation, str(each.asked_at)[:19], each.state) for each in found]
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(["id", "person", "organisation", "asked", "state"], rows, "Nobody was erased."),
    )


@privacy.command("show")
@click.argument("erasure", metavar="ERASURE")
@command
def show_erasure(mp: Mp, erasure: str) -> None:
    """What ERASURE (`ers_…`) did."""
    _show(mp, mp.client.show_erasure(erasure))


@privacy.command("hold")
@click.argument("person", metavar="PERSON")
@click.option("--reason", required=True, help="Why it must be kept; it is in the audit log.")
@command
def hold(mp: Mp, person: str, reason: str) -> None:
    """Operators: keep what is known of PERSON until the hold is lifted."""
    _show_holds(mp, [mp.client.place_hold(person, reason)])


@privacy.command("release")
@click.argument("person", metavar="PERSON")
@command
def release(mp: Mp, person: str) -> None:
    """Operators: lift the legal hold on PERSON."""
    _show_holds(mp, [mp.client.lift_hold(person)])


@privacy.command("holds")
@command
def list_holds(mp: Mp) -> None:
    """Operators: legal holds, the newest first."""
    _show_holds(mp, mp.client.list_holds())


@privacy.command("retention")
@click.option("--count", is_flag=True, help="Count the rows that would be removed now; nothing is removed.")
@command
def retention(mp: Mp, count: bool) -> None:
    """Operators: how long rows of each kind are kept."""
    found = mp.client.retention(count=count)
    rows = [(each.table, each.purpose, each.kept, "" if each.due is None else each.due) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"), lambda: mp.console.table(["table", "what", "kept", "due"], rows, "No table.")
    )


def _fetch(mp: Mp, copy: str, out: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while (found := mp.client.show_person_export(copy)).url is None:
        if time.monotonic() > deadline:
            raise MpError(f"{copy} is still being made.", f"Run `mp privacy fetch {copy}` later.", Exit.WAITING)
        time.sleep(_LOOK_SECONDS)
    content = mp.client.read_copy(found.url)
    if hashlib.sha256(content).hexdigest() != found.sha256:
        raise MpError(
            "The file differs from the one that was announced.",
            f"Run `mp privacy fetch {copy}` again.",
            Exit.UNREACHABLE,
        )
    # What is known of a person is for their eyes.
    out.touch(mode=0o600)
    out.write_bytes(content)
    mp.console.show(
        {**found.model_dump(mode="json"), "file": str(out)},
        lambda: mp.console.fields([("file", str(out)), *((name, f"{rows} rows") for name, rows in found.rows.items())]),
    )


def _show(mp: Mp, found: "ErasureView") -> None:
    pairs: list[tuple[str, object]] = [
        ("erasure", found.id),
        ("person", found.person),
        ("organisation", found.organisation),
        ("asked", f"{found.asked_at} by {found.asked_by}"),
        ("state", found.state),
        *found.counts.items(),
    ]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(pairs))


def _show_holds(mp: Mp, found: "list[HoldView]") -> None:
    rows = [
        (each.person, each.organisation, each.reason, str(each.placed_at)[:19], str(each.lifted_at or "in force")[:19])
        for each in found
    ]
    headers = ["person", "organisation", "reason", "placed", "lifted"]
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(headers, rows, "There is no legal hold."),
    )
