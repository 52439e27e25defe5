"""`mp audit`: what everybody did, and whether the log of it is still what was sealed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError
from mercato_cli.signatures import is_signed

if TYPE_CHECKING:
    from mercato_contracts.audit import AuditEntry, AuditHead
    from mercato_contracts.audit_check import ReaderCheck
    from mercato_contracts.head_keys import PublishedHeadKey

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILTERS = (
    click.option("--actor", metavar="ID", help="Only what this person or key did."),
    click.option("--verb", metavar="VERB", help="Only this, such as `key.changed`."),
    click.option("--target", metavar="ID", help="Only what was done to this."),
    click.option("--outcome", type=click.Choice(["allowed", "denied", "failed"]), help="Only these."),
    click.option("--organisation", metavar="ID", help="Operators: only entries of this organisation."),
    click.option("--since", metavar="TIME", help="Not before this time (RFC 3339)."),
    click.option("--until", metavar="TIME", help="Before this time (RFC 3339)."),
)


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.group()
def audit() -> None:
    """What people and keys did, sealed so that nobody can change it unseen."""


@audit.command("list")
@_filtered
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@command
def list_entries(mp: Mp, limit: int, **wanted: str | None) -> None:
    """The newest entries of your organisation."""
    page = mp.client.audit_entries(wanted, None, limit)
    rows = [
        (entry.core.id, entry.core.at[:19], _actor(entry), entry.core.verb, _target(entry), _outcome(entry))
        for entry in page.items
    ]
    headers = ["id", "when", "who", "what", "to", ""]
    mp.console.show(
        page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No entry fits. Try fewer filters.")
    )


@audit.command("show")
@click.argument("entry_id", metavar="ENTRY")
@command
def show_entry(mp: Mp, entry_id: str) -> None:
    """One ENTRY (`aud_…`) with all that was kept of it, and check its proof."""
    found = mp.client.audit_entry(entry_id)
    entry, proof = found.entry, found.proof
    if proof is not None:
        _check_proof(entry, proof.path, proof.head)
    pairs: list[tuple[str, object]] = [
        ("entry", entry.core.id),
        ("when", entry.core.at),
        ("who", f"{_actor(entry)} ({entry.core.actor.id or 'nobody signed in'})"),
        ("what", f"{entry.core.verb}, {_outcome(entry) or 'allowed'}"),
        ("to", f"{_target(entry)} ({entry.core.target.id})"),
        ("request", entry.core.request),
    ]
    if entry.decision is not None:
        decided = entry.decision.model_dump()
        pairs += [(name, json.dumps(value) if isinstance(value, dict) else value) for name, value in decided.items()]
    if entry.details is not None:
        details = entry.details.model_dump(exclude={"salt", "actor_name", "target_name"})
        pairs += [(name, json.dumps(value) if isinstance(value, dict) else value) for name, value in details.items()]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields([(n, v) for n, v in pairs if v]))
    mp.console.note("It is not sealed yet." if proof is None else f"It stands in the log sealed at {proof.head.at}.")


@audit.command("export")
@_filtered
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("audit.jsonl"), show_default=True,
              help="Where the lines go.")  # fmt: skip
@command
def export_entries(mp: Mp, out: Path, **wanted: str | None) -> None:
    """Write every entry that fits as a line of JSON, the oldest first."""
    content = mp.client.export_audit(wanted)
    out.write_bytes(content)
    lines = content.count(b"\n")
    mp.console.show({"file": str(out), "entries": lines}, lambda: mp.console.say(f"{out}: {lines} entries."))


@audit.command("keys")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them to this file, for `--keys`.")
@command
def list_keys(mp: Mp, out: Path | None) -> None:
    """The keys that sign heads of every log, and check that each leads to the next.

    Keep one of them: proofs and heads that another key of the marketplace signed can then be checked offline.
    """
    from mercato_contracts.head_keys import keys_led_to

    keys = mp.client.head_keys()
    for each in keys.items:
        if len(keys_led_to(each.key, keys.items, is_signed)) < len(keys.items):
            raise MpError("These keys do not lead to each other.", "Ask the operator which are right.", Exit.REFUSED)
    if out is not None:
        out.write_text(keys.model_dump_json(indent=2) + "\n")
    rows = [(each.id, each.key, each.since[:19], each.state) for each in keys.items]
    mp.console.show(keys.model_dump(mode="json"), lambda: mp.console.table(["id", "key", "since", ""], rows, ""))


@audit.command("verify")
@click.option("--head", "head_files", multiple=True, type=_FILE, metavar="FILE",
              help="A head that was kept elsewhere, such as a webhook's message; several times too.")  # fmt: skip
@click.option("--entries", "export", type=_FILE, metavar="FILE", help="Check these entries (see `mp audit export`).")
@command
def verify_log(mp: Mp, head_files: tuple[Path, ...], export: Path | None) -> None:
    """Check the log on this machine: hashes, your entries, signatures, and every head that you know.

    The newest head is remembered here: from then on, nobody can change what it covers without `mp audit verify` finding
    it, not even whoever owns the database and the marketplace's key.
    """
    from mercato_contracts.audit import AuditEntry
    from mercato_contracts.audit_check import ReaderCheck

    memory = mp.profiles.path.parent / "audit-heads.json"
    newest, url = mp.client.newest_audit_head(), mp.client.url
    known = [(head, f"in {path}") for path in head_files for head in [_read_head(path)]]
    remembered = _remembered(memory).get(url)
    known += [] if remembered is None else [(remembered, "remembered here")]
    known += [] if newest is None else [(newest, "of the marketplace")]
    check = ReaderCheck(head.size for head, _ in known)
    for page in mp.client.audit_leaves():
        check.add_segments(page.segments)
        check.add_leaves(page.leaves)
    lines = mp.client.export_audit({}) if export is None else export.read_bytes()
    for line in lines.splitlines():
        entry = AuditEntry.model_validate_json(line)
        # Entries that came after the hashes were read are for the next check.
        if entry.core.place < check.size:
            check.check_entry(entry)
    _check_heads(check, known, lambda: mp.client.head_keys().items)
    if check.findings:
        raise MpError(
            " ".join(finding.detail for finding in check.findings[:5]),
            "Keep your heads and exports: they prove it. Tell the marketplace's operator and auditor.",
            Exit.REFUSED,
        )
    if newest is not None:
        _remember(memory, url, newest)
    _show_checked(mp, check, len(known), newest)


def _show_checked(mp: Mp, check: "ReaderCheck", heads: int, newest: "AuditHead | None") -> None:
    figures = {"entries checked": check.entries, "of": check.size, "heads": heads, "without details": check.erased}
    result = {"holds": True, "entries": check.entries, "erased": check.erased, "size": check.size, "heads": heads}
    mp.console.show(
        {**result, "head": None if newest is None else newest.model_dump(mode="json")},
        lambda: mp.console.fields(list(figures.items())),
    )
    mp.console.note("The log is what was sealed.")
    if check.erased:
        mp.console.note("Details go with the people whom they name: `mp audit list --verb subject.erased`.")


def _check_heads(
    check: "ReaderCheck", known: "list[tuple[AuditHead, str]]", published: "Callable[[], list[PublishedHeadKey]]"
) -> None:
    from mercato_contracts.audit import AuditFinding, head_bytes
    from mercato_contracts.head_keys import keys_led_to

    keys = {head.key for head, _ in known}
    # The first is the one known longest: a file, or what is remembered here.
    if len(keys) > 1 and not keys <= keys_led_to(known[0][0].key, published(), is_signed):
        detail = "The heads are signed by different keys, and the one that you know does not lead to the others."
        check.findings.append(AuditFinding(problem="signature", place=None, detail=detail))
    for head, whose in known:
        if not is_signed(head_bytes(head.size, head.root, head.at), key=head.key, signature=head.signature):
            detail = f"The head {whose} is not signed."
            check.findings.append(AuditFinding(problem="signature", place=None, detail=detail))
        check.check_head(head, whose)


def _check_proof(entry: "AuditEntry", path: list[str], head: "AuditHead") -> None:
    from mercato_contracts.audit import head_bytes
    from mercato_contracts.merkle import is_included, leaf_hash

    steps, root = [bytes.fromhex(step) for step in path], bytes.fromhex(head.root)
    is_there = is_included(entry.core.place, head.size, leaf_hash(entry.sealed.encode()), steps, root)
    content = head_bytes(head.size, head.root, head.at)
    if not is_there or not is_signed(content, key=head.key, signature=head.signature):
        raise MpError("The proof of this entry does not hold.", "Run `mp audit verify`.", Exit.REFUSED)


def _read_head(path: Path) -> "AuditHead":
    from pydantic import ValidationError

    from mercato_contracts.audit import AuditHead

    try:
        parsed = json.loads(path.read_bytes())
        # A webhook's message has the head under `data`.
        return AuditHead.model_validate(parsed.get("data", parsed))
    except (ValueError, AttributeError, ValidationError):
        raise MpError(f"{path} is no head of an audit log.", "`GET /api/audit/heads` gives one.") from None


def _remembered(memory: Path) -> "dict[str, AuditHead]":
    from mercato_contracts.audit import AuditHead

    try:
        heads = json.loads(memory.read_bytes())
    except FileNotFoundError:
        return {}
    return {url: AuditHead.model_validate(head) for url, head in heads.items()}


def _remember(memory: Path, url: str, head: "AuditHead") -> None:
    kept = {where: each.model_dump(mode="json") for where, each in _remembered(memory).items()}
    draft = memory.with_suffix(".draft")
    draft.write_text(json.dumps({**kept, url: head.model_dump(mode="json")}, indent=1) + "\n")
    draft.replace(memory)


def _actor(entry: "AuditEntry") -> str:
    named = entry.details.actor_name if entry.details is not None else ""
    return named or entry.core.actor.id or "nobody"


def _target(entry: "AuditEntry") -> str:
    named = entry.details.target_name if entry.details is not None else ""
    return f"{entry.core.target.type} {named or entry.core.target.id}".strip()


def _outcome(entry: "AuditEntry") -> str:
    if entry.core.outcome == "allowed":
        return ""
    return entry.core.outcome if entry.core.count == 1 else f"{entry.core.outcome}, {entry.core.count} times"
