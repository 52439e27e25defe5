"""`mercato doctor`: is this machine fit to run the marketplace, and is what runs here in order."""

import json
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime

import click
import psycopg

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.app.examine_engines import engines
from mercato.app.finding import Finding, Verdict
from mercato.app.ports import is_free, ports_of
from mercato.app.sessions import FIX, name_same_database, sessions_of
from mercato.app.settings import Settings
from mercato.platform import is_locked, libpq_url, mask

_GIB = 1024**3
_LEAST_DISK = _GIB // 4
_GOOD_DISK = 2 * _GIB
_GOOD_FILES = 4096
_MOST_CLOCK_SECONDS = 2.0
_OLDEST_POSTGRES = 150000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def doctor(settings: Settings, as_json: bool) -> None:
    """Check this machine and what runs on it; exit code 1 when something fails.

    Changes nothing and starts nothing.
    """
    findings = examine(settings)
    if as_json:
        click.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(f"{_paint(finding.verdict)} {finding.check:<11} {finding.found}")
            if finding.fix:
                click.echo(f"     {'':<11} -> {finding.fix}")
    if any(finding.verdict == "fail" for finding in findings):
        raise SystemExit(1)


def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a person would mend things."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python, _disk, _files, _ports, _secrets, _records, engines,
    ]  # fmt: skip
    return [finding for check in checks for finding in check(settings)]


def _python(_: Settings) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    fit = sys.version_info >= (3, 11)
    yield Finding("python", "ok" if fit else "fail", found, "" if fit else "Install Python 3.11 or newer.")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.state.absolute()
    while not folder.exists():
        folder = folder.parent
    left = shutil.disk_usage(folder).free
    verdict: Verdict = "ok" if left >= _GOOD_DISK else "warn" if left >= _LEAST_DISK else "fail"
    fix = "" if verdict == "ok" else f"Free at least {_GOOD_DISK // _GIB} GiB, or set MERCATO_STATE to another disk."
    yield Finding("disk", verdict, f"{left / _GIB:.1f} GiB left at {folder}", fix)


def _files(_: Settings) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fit = soft >= _GOOD_FILES or soft == resource.RLIM_INFINITY
    fix = (
        "" if fit else f"Run `ulimit -n {min(hard, 65536) if hard > 0 else 65536}` first: each connection takes a file."
    )
    yield Finding("open files", "ok" if fit else "warn", f"at most {soft}", fix)


def _ports(settings: Settings) -> Iterator[Finding]:
    running = is_locked(settings.state / "up.lock")
    for port in ports_of(settings):
        name = f"{port.number} for the {port.use}"
        if is_free(port):
            yield Finding("port", "ok", f"{name} is free")
        elif running:
            yield Finding("port", "ok", f"{name} is in use by the marketplace that runs here")
        else:
            yield Finding("port", "fail", f"{name} is taken", f"Stop who holds it, or set {port.setting}.")


def _secrets(settings: Settings) -> Iterator[Finding]:
    folder = settings.state / "secrets"
    if not folder.exists():
        yield Finding("secrets", "ok", "none yet; made at the first start")
        return
    open_ones = [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077]
    if open_ones:
        names = " ".join(str(path) for path in open_ones)
        yield Finding("secrets", "fail", f"others may read {names}", f"chmod go-rwx {names}")
    else:
        yield Finding("secrets", "ok", f"{folder} is for its owner only")


def _records(settings: Settings) -> Iterator[Finding]:
    url = settings.direct_url or EmbeddedPostgres(settings.state / "postgres").find_running()
    if url is None:
        yield Finding("postgresql", "ok", "embedded, not running; `mercato up` starts it")
        return
    try:
        with psycopg.connect(libpq_url(url), connect_timeout=3) as connection:
            version = connection.info.server_version
            row = connection.execute("SELECT now()").fetchone()
    except psycopg.Error as error:
        why = mask(str(error)).strip().splitlines()[0]
        yield Finding(
            "postgresql", "fail", f"does not answer: {why}", "Check DATABASE_URL, the network and the server."
        )
        return
    assert row is not None
    yield _version(version)
    yield _clock(row[0])
    yield _schema(url)
    if settings.direct_url is not None:
        yield from _sessions(settings)


def _version(version: int) -> Finding:
    fit = version >= _OLDEST_POSTGRES
    fix = "" if fit else "Move to PostgreSQL 15 or newer."
    return Finding("postgresql", "ok" if fit else "fail", f"{version // 10000}.{version % 10000} answers", fix)


def _clock(theirs: datetime) -> Finding:
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    fit = apart <= _MOST_CLOCK_SECONDS
    fix = "" if fit else "Set both clocks by NTP: leases and sessions are timed by them."
    return Finding("clock", "ok" if fit else "fail", f"{apart:.1f} s apart from the database's", fix)


def _sessions(settings: Settings) -> Iterator[Finding]:
    """Whether a notification reaches who listens for it, and where transactions go."""
    name = "DATABASE_URL" if settings.pooled_url is None else "MERCATO_DATABASE_DIRECT_URL"
    try:
        kept = sessions_of(str(settings.direct_url))
    except psycopg.Error as error:
        why = mask(str(error)).strip().splitlines()[0]
        yield Finding("sessions", "fail", f"{name} keeps no session: {why}", FIX)
        return
    if kept == "direct":
        yield Finding("sessions", "ok", f"{name} is direct: notifications arrive")
    else:
        yield Finding("sessions", "fail" if kept == "shared" else "warn", f"{name} goes through a pooler", FIX)
    if settings.pooled_url is not None:
        yield _pooled(settings)


def _pooled(settings: Settings) -> Finding:
    fix = "Check DATABASE_URL, the pooler and its log; or unset MERCATO_DATABASE_DIRECT_URL and name PostgreSQL itself."
    try:
        is_same = name_same_database(settings)
    except psycopg.Error as error:
        why = mask(str(error)).strip().splitlines()[0]
        return Finding("pooler", "fail", f"does not answer: {why}", fix)
    if not is_same:
        return Finding("pooler", "fail", "leads to another database than MERCATO_DATABASE_DIRECT_URL", fix)
    return Finding("pooler", "ok", "DATABASE_URL leads to the same database")


def _schema(url: str) -> Finding:
    from mercato.app.schema import current_revision, newest_revision

    found, needed = current_revision(url), newest_revision()
    if found is not None and found > needed:
        fix = "Upgrade the processes here too: they run, and go with the release that migrated."
        return Finding("schema", "warn", f"revision {found} is newer than {needed}, which this code knows", fix)
    fit = found == needed
    fix = "" if fit else "Run `mercato migrate`."
    return Finding("schema", "ok" if fit else "fail", f"revision {found or 'none'}, needed {needed}", fix)


def _paint(verdict: Verdict) -> str:
    return click.style(f"{verdict:<4}", fg={"ok": "green", "warn": "yellow", "fail": "red"}[verdict])
