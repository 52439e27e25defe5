"""`mp graphql`: any question about governance in one request."""

import json
from pathlib import Path
from typing import Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError


@click.command()
@click.argument("query", required=False)
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read QUERY from it."
)
@click.option("--variables", metavar="JSON", help="Values of the query's variables, an object.")
@command
def graphql(mp: Mp, query: str | None, file: Path | None, variables: str | None) -> None:
    """Ask QUERY of the marketplace's GraphQL: services, evidence, approvals, compliance, metrics.

    Prints what was found as JSON. Ends with 1 where any part was refused.
    """
    text = query or (file.read_text() if file else None)
    if not text or (query and file):
        raise MpError("There is no query, or there are two.", "Give QUERY or --file.", Exit.USAGE)
    answer = mp.client.graphql(text, _read(variables))
    data: dict[str, Any] = answer.model_dump(mode="json", exclude_none=True)
    mp.console.show(data, lambda: click.echo(json.dumps(answer.data, indent=2, ensure_ascii=False)))
    if answer.errors:
        first = answer.errors[0]
        raise MpError(
            f"{first.message} ({first.extensions.get('code')})", str(first.extensions.get("fix")), Exit.REFUSED
        )


def _read(variables: str | None) -> dict[str, Any] | None:
    if variables is None:
        return None
    try:
        found = json.loads(variables)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MpError("--variables is not a JSON object.", 'Write it like {"first": 10}.', Exit.USAGE)
    return found
