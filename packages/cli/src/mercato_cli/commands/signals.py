"""`mp signals`: make them of a round, write them signed, and prove that the log has them as they were."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError
from mercato_cli.signatures import is_signed, trusted_keys, with_known_key

if TYPE_CHECKING:
    from mercato_contracts.signals import SignalProof, SignalReceipt

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def signals() -> None:
    """Signals for open rounds, and proofs of when they were written."""


@signals.command("make")
@click.argument("folder", metavar="DATA", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("deployment")
@click.option("--endpoint", metavar="URL", help="Its address, if not the registered one.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("signals.json"),
              show_default=True, help="The file to write the batch to.")  # fmt: skip
@command
def make_signals(mp: Mp, folder: Path, deployment: str, endpoint: str | None, out: Path) -> None:
    """Have DEPLOYMENT score the live eras of the round in DATA (see `mp data pull`).

    Writes a batch that `mp signals store` signs and sends.
    """
    from datetime import UTC, datetime

    from mercato_cli.live_eras import ask_deployment, read_live, write_batch

    request = read_live(folder)
    answer = ask_deployment(endpoint or mp.client.deployment(deployment).url, request, mp.timeout)
    batch = write_batch(deployment, request, answer, datetime.now(UTC))
    out.write_text(batch.model_dump_json() + "\n")
    eras = [write.era for write in batch.writes]
    mp.console.show(
        {"round": request.round, "deployment": deployment, "eras": eras, "file": str(out)},
        lambda: mp.console.say(f"{out}: {len(eras)} eras of {request.round}."),
    )
    mp.console.note(f"Sign and write it with `mp signals store {out}`.")


@signals.command("store")
@click.argument("file", type=_FILE)
@command
def store_signals(mp: Mp, file: Path) -> None:
    """Sign FILE (a `SignalWrite` or a `SignalWriteBatch` as JSON) with the deployment's key and write it."""
    import json

    from mercato_cli.identities import Identities

    body = file.read_bytes()
    try:
        answer = json.loads(body)
        deployment = str((answer["writes"][0] if "writes" in answer else answer)["deployment"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise MpError(f"{file} is not a signal write.", "See `docs/desk.md` for its shape.") from None
    identity = Identities(mp.profiles.path.parent).get(deployment)
    receipts = mp.client.store_signals(body, identity.sign(body), identity.token)
    mp.console.show({"items": [receipt.model_dump(mode="json") for receipt in receipts]}, lambda: _show(mp, receipts))


@signals.command("list")
@click.option("--round", "round_id", metavar="ROUND", help="Only entries of this round.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="The maximum number of results."
)
@command
def list_signals(mp: Mp, round_id: str | None, limit: int) -> None:
    """List your entries in the log, newest first."""
    receipts = mp.client.list_signals(round_id, limit)
    mp.console.show({"items": [receipt.model_dump(mode="json") for receipt in receipts]}, lambda: _show(mp, receipts))


def _show(mp: Mp, receipts: "list[SignalReceipt]") -> None:
    mp.console.table(
        ["id", "era", "place", "digest", "received", ""],
        [(r.id, r.era, r.place, r.digest[:16], r.received_at, "as before" if r.is_repeated else "") for r in receipts],
        "No signals yet. Write some with `mp signals store`.",
    )


@signals.command("proof")
@click.argument("entry")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the proof to this file.")
@command
def fetch_proof(mp: Mp, entry: str, out: Path | None) -> None:
    """Fetch the proof that ENTRY (`sig_…`) is in the log, and check it."""
    proof = mp.client.signal_proof(entry)
    check_proof(proof, None)
    if out is not None:
        out.write_text(proof.model_dump_json(indent=2) + "\n")
    mp.console.show(proof.model_dump(mode="json"), lambda: _tell(mp, proof))


@signals.command("verify")
@click.argument("proof_file", metavar="PROOF", type=_FILE)
@click.option("--digest", metavar="SHA256", help="The digest of your receipt, which the entry must match.")
@with_known_key("proof")
@click.option("--head", "head_file", type=_FILE, help="An earlier proof, to check that the log was only appended to.")
@command
def verify_proof(
    mp: Mp, proof_file: Path, digest: str | None, key: str | None, keys_file: Path | None, head_file: Path | None
) -> None:
    """Check a saved PROOF offline: entry, path and signature."""
    proof = _read(proof_file)
    check_proof(proof, trusted_keys(key, keys_file))
    if digest is not None and digest != _leaf(proof).hex():
        raise MpError(
            "The proof is for another entry than your receipt.", "Fetch it anew with `mp signals proof`.", Exit.REFUSED
        )
    if head_file is not None:
        earlier = _read(head_file).head
        if earlier.size == proof.head.size and earlier.root != proof.head.root:
            raise MpError(
                f"Two signed logs of {earlier.size} entries differ: the marketplace rewrote its past.",
                "Keep both files: they prove it.",
                Exit.REFUSED,
            )
    mp.console.show(proof.model_dump(mode="json"), lambda: _tell(mp, proof))


def _tell(mp: Mp, proof: "SignalProof") -> None:
    mp.console.fields(
        [("entry", proof.place), ("of", proof.head.size), ("sealed", proof.head.at), ("key", proof.head.key)]
    )
    mp.console.note("The entry is in the signed log.")


def _read(path: Path) -> "SignalProof":
    from pydantic import ValidationError

    from mercato_contracts.signals import SignalProof

    try:
        return SignalProof.model_validate_json(path.read_bytes())
    except ValidationError:
        raise MpError(f"{path} is not a proof.", "Fetch one with `mp signals proof ENTRY --out FILE`.") from None


def _leaf(proof: "SignalProof") -> bytes:
    from mercato_contracts.merkle import leaf_hash

    return leaf_hash(proof.entry.encode())


def check_proof(proof: "SignalProof", trusted: set[str] | None) -> None:
    """Raises `MpError` unless path and signature hold, the latter by a `trusted` key where some are given."""
    from mercato_contracts.merkle import is_included
    from mercato_contracts.signals import tree_head_bytes

    head = proof.head
    if trusted is not None and head.key not in trusted:
        raise MpError(
            "The log is signed with another key than the one you know.",
            "Check with `--keys` whether yours leads to it (`mp audit keys --out FILE`), or ask the operator.",
            Exit.REFUSED,
        )
    path = [bytes.fromhex(step) for step in proof.path]
    if not is_included(proof.place, head.size, _leaf(proof), path, bytes.fromhex(head.root)):
        raise MpError(
            "The path does not lead from the entry to the signed root.", "Keep the file: it proves that.", Exit.REFUSED
        )
    if not is_signed(tree_head_bytes(head.size, head.root, head.at), key=head.key, signature=head.signature):
        raise MpError("The head of the log is not signed by its key.", "Fetch the proof anew.", Exit.REFUSED)
