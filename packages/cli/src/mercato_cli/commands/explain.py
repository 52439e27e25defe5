"""`mp explain`: what a code means and what to do, without a network."""

import difflib
from typing import Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError
from mercato_contracts.codes import all_codes

_WHERE = {
    "control": "the control API refuses with status {status}",
    "gateway": "the gateway refuses with status {status}",
    "runner": "the runner of a project refuses with status {status}",
    "check": "a publishing check finds this ({level})",
}


@click.command()
@click.argument("code", required=False)
@command
def explain(mp: Mp, code: str | None) -> None:
    """Explain CODE and what to do; without CODE, list all codes.

    Every refusal and finding has a code: in `mp validate`, `mp publish`, responses of the API and the gateway.
    """
    entries = all_codes()
    if code is None:
        rows = [(each["code"], each["where"], each["title"]) for each in entries]
        mp.console.show({"items": list(entries)}, lambda: mp.console.table(["code", "where", ""], rows, ""))
        return
    found = [each for each in entries if each["code"] == code]
    if not found:
        near = difflib.get_close_matches(code, [each["code"] for each in entries], n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "List all with `mp explain`."
        raise MpError(f"{code!r} is not a known code.", hint, Exit.USAGE)
    mp.console.show({"items": found}, lambda: _tell(mp, found))


def _tell(mp: Mp, found: list[dict[str, Any]]) -> None:
    for each in found:
        where = _WHERE[each["where"]].format(status=each.get("status"), level=each.get("level"))
        mp.console.fields([("code", each["code"]), ("means", each["title"]), ("where", where), ("to do", each["fix"])])
