"""What `mercato up` has a process of its own do, because it needs the whole control plane and `up` stays: the schema
before anything runs, and the first people once everything does.

On standard output, a line of JSON each: the revisions `before` and `after`; then, asked by a line on standard input,
what a new marketplace begins with, or `null` where there was an administrator already.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.app.beginning import Firsts

DEFAULT_EMAIL = "admin@localhost"


@click.command(hidden=True)
@click.pass_obj
def prepare(settings: Settings) -> None:
    """Bring the schema up to date; then wait to be asked for the first people."""
    from mercato.app import schema
    from mercato.app.beginning import begin
    from mercato.app.records import open_records
    from mercato.platform import Conflict

    def show(firsts: "Firsts") -> None:
        _print(asdict(firsts))

    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        before = schema.current_revision(url)
        schema.migrate(url)
        _print({"before": before, "after": schema.current_revision(url)})
        if not sys.stdin.readline():
            return
        try:
            asyncio.run(begin(url, DEFAULT_EMAIL, with_consumer=True, show=show))
        except Conflict:
            _print(None)


def _print(value: Any) -> None:
    click.echo(json.dumps(value))
    sys.stdout.flush()


class Preparation:
    """The process that prepares; used by `mercato up`. Raises `ClickException` where it fails."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mercato.app.main", "prepare"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A Ctrl-C in the terminal is for `up` alone: a migration ends whole or not at all.
            start_new_session=True,
        )

    def revisions(self) -> tuple[str | None, str]:
        """The schema's revision before and now."""
        found = self._read()
        return found["before"], found["after"]

    def firsts(self) -> Any:
        """What a new marketplace begins with, as JSON; `None` for one that has begun. It is not kept anywhere."""
        assert self._process.stdin is not None
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()
        return self._read()

    def end(self) -> None:
        """Wait for its end; before it was asked for the first people it makes none."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException(f"the database was not prepared (exit code {self._process.wait()}; see above)")
        return json.loads(line)
