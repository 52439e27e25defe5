"""The whole log, computed again from its texts and held against every head, in the database and outside of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from hashlib import sha256
from typing import Any

import msgspec

from mercato.admin.audit_rows import AuditRows, StoredEntry
from mercato.admin.details import open_texts
from mercato.admin.news import AuditPruned
from mercato.admin.seal import view_head
from mercato.platform import HeadKey, Session
from mercato_contracts.audit import (
    SEGMENT,
    SEGMENT_LEVEL,
    AuditFinding,
    AuditHead,
    AuditVerification,
    at_text,
    details_digest,
    head_bytes,
)
from mercato_contracts.merkle import Frontier, leaf_hash

_MOST_FINDINGS = 100


class LogCheck:
    """One pass over all entries. `anchors` are heads that were kept elsewhere: they are believed, the database is not.

    Finds an entry that was edited, removed, put in between or moved, a tail that was cut, a log that was written anew
    with the right key, and entries that were pruned without an entry that says so.
    """

    def __init__(self, session: Session, key: HeadKey, anchors: Sequence[AuditHead]) -> None:
        self._session = session
        self._rows = AuditRows(session)
        self._key = key
        self._anchors = anchors
        self._findings: list[AuditFinding] = []
        self._frontier = Frontier()
        self._roots: dict[int, str] = {}
        self._pruned_until = 0
        self._erased = 0

    async def run(self) -> AuditVerification:
        """Check everything."""
        heads = [view_head(row) for row in await self._rows.all_heads()]
        wanted = {head.size for head in (*heads, *self._anchors)}
        first, end = await self._rows.bounds()
        await self._begin(first, wanted)
        async for entries in self._rows.walk(first, end):
            opened = await open_texts(self._session, [entry.details for entry in entries])
            for entry, details in zip(entries, opened, strict=True):
                self._check_entry(entry, details)
                if self._frontier.size in wanted:
                    self._roots[self._frontier.size] = self._frontier.root().hex()
        self._check_pruning(first)
        for head in heads:
            self._check_head(head, "sealed")
        for head in self._anchors:
            self._check_head(head, "kept outside of the database")
        newest = heads[-1] if heads else None
        return AuditVerification(
            holds=not self._findings,
            entries=self._frontier.size - first,
            pruned=first,
            erased=self._erased,
            unsealed=max(0, end - (newest.size if newest else 0)),
            heads=len(heads),
            anchors=len(self._anchors),
            head=newest,
            findings=self._findings,
        )

    async def _begin(self, first: int, wanted: set[int]) -> None:
        """What was pruned counts by the roots that were kept."""
        roots = await self._rows.segments(first)
        if first % SEGMENT or len(roots) != first // SEGMENT:
            self._find("missing", None, f"The entries before {first} are gone, and not as whole segments.")
        for root in roots[: first // SEGMENT]:
            self._frontier.add_subtree(SEGMENT_LEVEL, root)
            if self._frontier.size in wanted:
                self._roots[self._frontier.size] = self._frontier.root().hex()

    def _check_entry(self, entry: StoredEntry, details: bytes | None) -> None:
        expected = self._frontier.size
        if entry.place != expected and not self._findings:
            self._find("missing", expected, f"Entry {expected} is not there.")
        # From the text, not from the stored hash: what a person reads is what is proved.
        leaf = leaf_hash(entry.entry.encode())
        if leaf != entry.leaf:
            self._find("edited", entry.place, f"Entry {entry.place} does not have the hash that is stored with it.")
        core = _read_core(entry.entry)
        if core is None or not _repeats(entry, core):
            self._find("edited", entry.place, f"Columns of entry {entry.place} differ from the sealed text.")
        elif details is None:
            self._erased += 1
        elif not _has_digest(details, core.get("details_sha256")):
            self._find("edited", entry.place, f"The details of entry {entry.place} are not those that were sealed.")
        self._frontier.add(leaf)
        if core is not None and core.get("verb") == AuditPruned.topic and details is not None:
            self._note_pruned(details)

    def _note_pruned(self, details: bytes) -> None:
        until = ((_read_details(details) or {}).get("after") or {}).get("until")
        if isinstance(until, int):
            self._pruned_until = max(self._pruned_until, until)

    def _check_pruning(self, first: int) -> None:
        if first > self._pruned_until:
            self._find("pruned", None, f"The entries before {first} were dropped, and no entry says that they were.")

    def _check_head(self, head: AuditHead, kind: str) -> None:
        if not self._key.has_signed(head_bytes(head.size, head.root, head.at), head.key, head.signature):
            self._find("signature", None, f"The head over {head.size} entries, {kind}, is not signed by a key of ours.")
        if head.size > self._frontier.size:
            self._find("missing", None, f"A head {kind} covers {head.size} entries; {self._frontier.size} are there.")
        elif (root := self._roots.get(head.size)) is None:
            return  # within a pruned segment: newer heads cover it
        elif root != head.root:
            self._find("head", None, f"The first {head.size} entries are not those of the head {kind} at {head.at}.")

    def _find(self, problem: Any, place: int | None, detail: str) -> None:
        if len(self._findings) < _MOST_FINDINGS:
            self._findings.append(AuditFinding(problem=problem, place=place, detail=detail))


def _read_core(text: str) -> dict[str, Any] | None:
    try:
        core = msgspec.json.decode(text)
    except ValueError:
        return None
    return core if isinstance(core, dict) else None


def _read_details(text: bytes) -> dict[str, Any] | None:
    """Also with `NaN`, which the quicker reader of the core refuses and Python writes."""
    try:
        details = json.loads(text)
    except ValueError:
        return None
    return details if isinstance(details, dict) else None


def _has_digest(details: bytes, digest: object) -> bool:
    """Whether these are the details of the digest, be their text in the form that it covers or in another one."""
    if sha256(details).hexdigest() == digest:
        return True
    found = _read_details(details)
    return found is not None and details_digest(found) == digest


def _repeats(entry: StoredEntry, core: Mapping[str, Any]) -> bool:
    """Whether the columns are those of the sealed text."""
    try:
        return bool(
            entry.place == core["place"]
            and entry.id == core["id"]
            and at_text(entry.at.astimezone(UTC)) == core["at"]
            and entry.verb == core["verb"]
            and entry.outcome == core["outcome"]
            and entry.actor_id == core["actor"]["id"]
            and entry.organisation_id == core["organisation"]
            and entry.target_type == core["target"]["type"]
            and entry.target_id == core["target"]["id"]
        )
    except (KeyError, TypeError):
        return False
