"""The database of a command: the one that `DATABASE_URL` names, or the embedded one of the state folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.app.sessions import require_sessions
from mercato.app.settings import Settings


@contextmanager
def open_records(settings: Settings, tell: Callable[[str], None]) -> Iterator[str]:
    """The URL of the database, where sessions last. An embedded server is started or joined, and stopped by whoever
    leaves last. Raises a `ClickException` for a pooler that hands sessions around.
    """
    if settings.direct_url is not None:
        require_sessions(settings)
        yield settings.direct_url
        return
    server = EmbeddedPostgres(settings.state / "postgres", tell)
    try:
        yield server.start()
    finally:
        server.stop()


def require_schema(url: str) -> None:
    """Raises a `ClickException` unless the database answers and has the schema of this code, or a newer one.

    Schema changes fit the release before: during an upgrade its processes are started anew, too.
    """
    from sqlalchemy.exc import DBAPIError

    from mercato.app import tables  # noqa: F401  (who needs the schema writes rows)
    from mercato.app.revision import current_revision, newest_revision
    from mercato.platform import mask

    try:
        found = current_revision(url)
    except DBAPIError as error:
        raise click.ClickException(f"the database does not answer: {mask(str(error.orig)).strip()}") from None
    needed = newest_revision()
    if found is None or found < needed:
        raise click.ClickException(
            f"the database is at revision {found or 'none'} and this code needs {needed}: run `mercato migrate`"
        )
