"""`mp record`: what was decided on the desk, by whom and why; and that nobody altered it since."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError
from mercato_cli.signatures import is_signed, trusted_keys, with_known_key

if TYPE_CHECKING:
    from mercato_contracts.desk import RecordLine
    from mercato_contracts.record import RecordHead


@click.group()
def record() -> None:
    """The desk's record of kill switches, triggers and scored rounds (operators only)."""


@record.command("list")
@click.option(
    "--subject", metavar="ID", help="Only entries about this deployment, vendor (`org_…`), round, or `*` for all."
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The maximum number of results."
)
@command
def list_record(mp: Mp, subject: str | None, limit: int) -> None:
    """List the record, newest first."""
    lines = list(mp.client.desk_record(subject, limit))
    mp.console.show(
        {"items": [line.model_dump(mode="json") for line in lines]},
        lambda: mp.console.table(
            ["", "at", "by", "what", "subject", "why"],
            [(line.number, line.at[:19], line.actor, line.what, line.subject, _why(line)) for line in lines],
            "Nothing was decided yet.",
        ),
    )


@record.command("verify")
@click.option("--head", "kept", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="An earlier head, to check that the record was only appended to.")  # fmt: skip
@with_known_key("heads")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the newest head to this file.")
@command
def verify_record(mp: Mp, kept: Path | None, key: str | None, keys_file: Path | None, out: Path | None) -> None:
    """Recompute the chain of all lines locally, compare it with the signed heads, and have the log audited.

    Exit code 1 when a line was altered, added in between or taken out. Keep a head with --out: who holds one notices
    also that the end was cut off, whoever did it.
    """
    from mercato_contracts.head_keys import keys_led_to

    # Heads first: lines that are added meanwhile are then more than they cover, never less.
    heads = mp.client.record_heads(500)
    lines = list(mp.client.desk_record())[::-1]
    digests = _chain(lines)
    known = [*heads, *([] if kept is None else [_read(kept)])]
    trusted = trusted_keys(key, keys_file)
    if key is not None and keys_file is None and any(head.key != key for head in known):
        # The marketplace has another key since: the one that we know has to lead to it.
        trusted = keys_led_to(key, mp.client.head_keys().items, is_signed)
    for head in known:
        _check_head(head, digests, trusted)
    audit = mp.client.audit_desk()
    if out is not None:
        if not heads:
            raise MpError(
                "The record was not sealed yet.", "It is sealed within an hour: try again then, or ask the operator."
            )
        out.write_text(heads[0].model_dump_json(indent=2) + "\n")
    result = {"lines": len(lines), "heads": len(heads), "digest": digests[-1], "entries": audit.entries}
    mp.console.show(result, lambda: mp.console.fields(list(result.items())))
    mp.console.note("The record and the log are unchanged.")


def _why(line: "RecordLine") -> str:
    facts = dict(line.facts)
    kept = facts.pop("reason", "")
    # An older marketplace has the words in the facts alone.
    reason = line.reason or (kept if isinstance(kept, str) else "(erased)")
    rest = " ".join(f"{name}={value}" for name, value in sorted(facts.items()))
    return f"{reason} ({rest})" if reason and rest else str(reason or rest)


def _chain(lines: "Sequence[RecordLine]") -> list[str]:
    """By how many lines, the digest of the last of them. Raises `MpError` at the first line that does not fit."""
    from mercato_contracts.record import BEGINNING, chain_line, write_facts

    digests = [BEGINNING]
    for number, line in enumerate(lines):
        found = chain_line(
            digests[-1], number=line.number, at=line.at, actor=line.actor, what=line.what, subject=line.subject,
            facts=write_facts(line.facts),
        )  # fmt: skip
        if line.number != number or found != line.digest:
            raise MpError(f"Line {number} of the record was altered.", _ALARM, Exit.REFUSED)
        digests.append(found)
    return digests


def _check_head(head: "RecordHead", digests: Sequence[str], trusted: set[str] | None) -> None:
    from mercato_contracts.record import record_head_bytes

    if trusted is not None and head.key not in trusted:
        raise MpError(
            f"The head of {head.at} is signed with another key than the one you know or one that it leads to.",
            "Ask the operator which is right.",
            Exit.REFUSED,
        )
    if not is_signed(record_head_bytes(head.size, head.digest, head.at), key=head.key, signature=head.signature):
        raise MpError(f"The head of {head.at} is not signed by its key.", _ALARM, Exit.REFUSED)
    if head.size >= len(digests):
        raise MpError(
            f"At {head.at} the record had {head.size} lines, and now it has {len(digests) - 1}.", _ALARM, Exit.REFUSED
        )
    if digests[head.size] != head.digest:
        raise MpError(f"The record differs from the one sealed at {head.at}.", _ALARM, Exit.REFUSED)


_ALARM = "Keep your files, and find out who wrote to the database."


def _read(path: Path) -> "RecordHead":
    from pydantic import ValidationError

    from mercato_contracts.record import RecordHead

    try:
        return RecordHead.model_validate_json(path.read_bytes())
    except ValidationError:
        raise MpError(f"{path} is not a head of the record.", "Keep one with `mp record verify --out FILE`.") from None
