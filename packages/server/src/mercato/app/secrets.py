"""`mercato secrets`: the marketplace's keys, a new newest one, and the end of old ones."""

import asyncio
import json
import secrets as randomness
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from mercato.adapters.keys_unusable import KeysUnusable
from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.platform import Database, KeyRing, MarketplaceSecret, RingKey, SealedColumn

_KEY_BYTES = 32
_LONGEST_USE = timedelta(days=7, hours=1)
"""Links to files and invitations live seven days, stored answers one, sign-ins less; and clocks differ."""

_Result = TypeVar("_Result")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_offline = click.option(
    "--offline", is_flag=True, help="Change the file alone; the audit log gets no entry."
)  # fmt: skip


@click.group()
def secrets() -> None:
    """The marketplace's keys: what seals, signs and proves."""


@secrets.command("list")
@click.option("--offline", is_flag=True, help="Read the file alone, without counting what depends on each key.")
@_json
@click.pass_obj
def list_keys(settings: Settings, offline: bool, as_json: bool) -> None:
    """Print each key's id, its age and what depends on it; never a secret."""
    ring, now = _read(settings), _now()
    found = {} if offline else _with_database(settings, lambda database: _count(database, _secret(ring)))
    rows = [_describe(key, ring, now, None if offline else found.get(key.id, {})) for key in ring.keys]
    if as_json:
        click.echo(json.dumps({"keys": rows}))
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['state']:<8} since {row['since']}  {_dependants(row)}")


@secrets.command()
@click.option("--in", "minutes", type=click.IntRange(1, 60 * 24 * 30), default=2, show_default=True,
              help="When it takes over, in minutes: longer than it takes the file to reach every process.")  # fmt: skip
@_offline
@_json
@click.pass_obj
def rotate(settings: Settings, minutes: int, offline: bool, as_json: bool) -> None:
    """Add a key that seals and signs everything new from a moment on.

    Older keys still open and verify everything. Control planes and workers read the file again within seconds. Where
    each machine has a copy of `secrets/`, copy `signing.key` to all of them before that moment.
    """
    from mercato.platform import KeyRing

    def add(ring: "KeyRing") -> KeyRing:
        return ring.add(randomness.token_bytes(_KEY_BYTES), _now() + timedelta(minutes=minutes))

    file = _ring_file(settings)
    ring = file.change(add) if offline else _with_entry(settings, "added", lambda: file.change(add), lambda r: r.last)
    key, before = ring.last, ring.keys[-2]
    if as_json:
        click.echo(json.dumps({"id": key.id, "since": key.since_text, "before": before.id}))
        return
    click.echo(f"{key.id} takes over at {key.since_text}")
    click.echo(
        f"Control planes and workers that share {file.path} read it by themselves within seconds. Copy it to every "
        "other machine, or into your store of secrets, before that moment; gateways do not need it. Then back it up."
    )
    click.echo(f"`mercato secrets retire {before.id}` drops the secret of the key before once nothing needs it.")


@secrets.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--at-once",
    is_flag=True,
    help="Now, although links and stored answers of the last days stop working.",
)
@_json
@click.pass_obj
def retire(settings: Settings, key_id: str, at_once: bool, as_json: bool) -> None:
    """Seal anew what the key ID sealed, then drop its secret.

    Its public half stays: heads that it signed verify as before. A command that is killed changes nothing that
    cannot be opened; run it again. Backups of the database from before need the keys of that time.
    """
    ring = _read(settings)
    _require_retirable(ring, key_id, at_once=at_once)

    async def work(database: "Database") -> dict[str, int]:
        secret = _secret(ring)
        done = await _reseal(database, secret)
        left = (await _count(database, secret)).get(key_id, {})
        if left:
            raise KeysUnusable(
                f"{_spelled(left)} were sealed with {key_id} meanwhile: a process still has an old file. Restart it, "
                "or copy `signing.key` to its machine, and run this again."
            )
        return done

    done = _with_database(settings, work)
    file = _ring_file(settings)

    def drop(now: "KeyRing") -> "KeyRing":
        _require_retirable(now, key_id, at_once=at_once)
        return now.retire(key_id)

    _with_entry(settings, "retired", lambda: file.change(drop), lambda found: found.find(key_id))
    if as_json:
        click.echo(json.dumps({"id": key_id, "sealed_anew": done}))
        return
    click.echo(f"{key_id} is retired; sealed anew: {_spelled(done) or 'nothing'}")
    click.echo(f"Copy {file.path} to every other machine. Heads that it signed verify with its public half.")


@secrets.command()
@click.option("--from", "before", metavar="KMS", help="The KMS that wraps them now, such as file:/media/old.kek.")
@click.pass_obj
def wrap(settings: Settings, before: str | None) -> None:
    """Write the keys as MERCATO_KMS says: wrapped by it, or plain where it is not set.

    Running processes go on with the keys that they have. Start them again with the same MERCATO_KMS.
    """
    from mercato.app.engines import build_kms

    if before is not None and not before.startswith("file:/"):
        raise KeysUnusable("--from names a KMS as MERCATO_KMS does: file:/path")
    file = _ring_file(settings)
    file.wrap(None if before is None else build_kms(before))
    click.echo(f"{file.path} is " + ("plain" if settings.kms is None else f"wrapped by {settings.kms}"))


def _require_retirable(ring: "KeyRing", key_id: str, *, at_once: bool) -> None:
    key, newest, now = ring.find(key_id), _secret(ring).newest, _now()
    if key is None:
        raise KeysUnusable(f"There is no key {key_id}: `mercato secrets list` prints their ids.")
    if key.secret is None:
        raise KeysUnusable(f"{key_id} is retired already.")
    if key.since > newest.since:
        raise KeysUnusable(f"{key_id} takes over at {key.since_text}: everything new will depend on it.")
    if key is newest:
        raise KeysUnusable(f"{key_id} makes everything new: run `mercato secrets rotate` first.")
    until = _used_until(key, ring)
    if now < until and not at_once:
        raise KeysUnusable(
            f"Links to files, invitations and stored answers that {key_id} made are good until {_text(until)}: run "
            "this again then, or with --at-once if they may stop working, as after a theft."
        )


def _used_until(key: "RingKey", ring: "KeyRing") -> datetime:
    after = ring.successor(key)
    assert after is not None
    return after.since + _LONGEST_USE


def _describe(key: "RingKey", ring: "KeyRing", now: datetime, sealed: dict[str, int] | None) -> dict[str, Any]:
    from mercato.platform import FIRST, HeadKey

    (published,) = [each for each in HeadKey(_secret(ring)).published() if each.id == key.id]
    is_older = published.state == "older"
    return {
        "id": key.id,
        "state": published.state,
        "since": "the beginning" if key.since == FIRST else key.since_text,
        "days": None if key.since == FIRST else max(0, (now - key.since).days),
        "sealed": sealed,
        "links_until": _text(_used_until(key, ring)) if is_older and _used_until(key, ring) > now else None,
    }


def _dependants(row: dict[str, Any]) -> str:
    if row["state"] == "retired":
        return "its public half verifies the heads that it signed"
    if row["state"] == "coming":
        return "nothing yet"
    parts = ["everything new"] if row["state"] == "newest" else []
    parts += [_spelled(row["sealed"])] if row["sealed"] else []
    parts += [f"links and stored answers until {row['links_until']}"] if row["links_until"] else []
    if not parts and row["sealed"] is not None:
        return f"nothing needs its secret: `mercato secrets retire {row['id']}`"
    return ", ".join(parts) or "not counted"


async def _count(database: "Database", secret: "MarketplaceSecret") -> dict[str, dict[str, int]]:
    """By the id of a key, what it sealed and how often."""
    from mercato.platform import count_by_key

    found: dict[str, dict[str, int]] = {}
    async with database.transaction() as session:
        for sealed in _sealed():
            for key_id, count in (await count_by_key(session, secret, sealed)).items():
                found.setdefault(key_id, {})[sealed.what] = count
    return found


async def _reseal(database: "Database", secret: "MarketplaceSecret") -> dict[str, int]:
    from mercato.platform import SystemClock, SystemIds, reseal

    ids = SystemIds(SystemClock())
    done = {sealed.what: await reseal(database, ids, secret, sealed) for sealed in _sealed()}
    return {what: count for what, count in done.items() if count}


def _sealed() -> "list[SealedColumn]":
    from mercato import identity, publishing, webhooks

    return [*identity.SEALED, *publishing.SEALED, *webhooks.SEALED]


def _with_entry(
    settings: Settings,
    change: Literal["added", "retired"],
    do: "Callable[[], KeyRing]",
    key_of: "Callable[[KeyRing], RingKey | None]",
) -> "KeyRing":
    """Change the file, and tell the audit log in a transaction that commits after it."""

    async def work(database: "Database") -> "KeyRing":
        from mercato.admin import tell_key_change
        from mercato.platform import Outbox, SystemClock

        async with database.transaction() as session:
            ring = do()
            key = key_of(ring)
            assert key is not None
            await tell_key_change(session, Outbox(SystemClock()), key, change, by="mercato secrets")
        return ring

    return _with_database(settings, work)


def _with_database(settings: Settings, work: "Callable[[Database], Awaitable[_Result]]") -> _Result:
    from mercato.platform import Database

    async def run(url: str) -> _Result:
        database = Database(url, pool_size=1)
        try:
            return await work(database)
        finally:
            await database.close()

    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        return asyncio.run(run(url))


def _ring_file(settings: Settings) -> Any:
    from mercato.app.engines import build_ring_file

    return build_ring_file(settings)


def _read(settings: Settings) -> "KeyRing":
    ring: KeyRing = _ring_file(settings).read()
    return ring


def _secret(ring: "KeyRing") -> "MarketplaceSecret":
    from mercato.platform import MarketplaceSecret, SystemClock

    return MarketplaceSecret(ring, SystemClock())


def _now() -> datetime:
    from mercato.platform import SystemClock

    return SystemClock().now()


def _spelled(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
