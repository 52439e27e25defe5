"""Checks the audit log without trusting the marketplace, from what it publishes.

Hashes of all entries give every root; entries that the reader may see must have the hashes at their places; heads,
above all those kept from before, must have the roots.
"""

import json
from collections.abc import Iterable, Sequence

from mercato_contracts.audit import (
    SEGMENT,
    SEGMENT_LEVEL,
    AuditEntry,
    AuditFinding,
    AuditHead,
    AuditProblem,
    core_text,
    details_digest,
)
from mercato_contracts.merkle import Frontier, leaf_hash


class ReaderCheck:
    """Takes segments, then hashes in their order, then entries and heads; `findings` is what does not fit.

    `sizes` are the sizes of the heads that will be checked. Signatures are the caller's own to check.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self._sizes = set(sizes)
        self._roots: dict[int, str] = {}
        self._frontier = Frontier()
        self._leaves: list[bytes] = []
        self._pruned = 0
        self.entries = 0
        self.erased = 0  # of them without details
        self.findings: list[AuditFinding] = []

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self._frontier.size

    def add_segments(self, roots: Sequence[str]) -> None:
        """Of what was pruned, before any hash."""
        for root in roots:
            self._frontier.add_subtree(SEGMENT_LEVEL, bytes.fromhex(root))
            self._note_root()
        self._pruned = len(roots) * SEGMENT

    def add_leaves(self, leaves: Sequence[str]) -> None:
        """The next hashes."""
        for text in leaves:
            leaf = bytes.fromhex(text)
            self._leaves.append(leaf)
            self._frontier.add(leaf)
            self._note_root()

    def check_entry(self, entry: AuditEntry) -> None:
        """Check that the entry's text has the hash at its place, and that the shown fields match the text."""
        self.entries += 1
        self.erased += entry.details_erased
        place = entry.core.place
        number = place - self._pruned
        if not 0 <= number < len(self._leaves) or self._leaves[number] != leaf_hash(entry.sealed.encode()):
            self._find("edited", place, f"Entry {place} is not the one that the log's hashes cover.")
        elif json.loads(entry.sealed) != json.loads(core_text(entry.core)):
            self._find("edited", place, f"Entry {place} is shown otherwise than it was sealed.")
        elif entry.details is not None and details_digest(entry.details.model_dump()) != entry.core.details_sha256:
            self._find("edited", place, f"The details of entry {place} are not those that were sealed.")

    def check_head(self, head: AuditHead, whose: str) -> None:
        """Check that the log begins with what the head covers. `whose` names the head's source."""
        if head.size > self.size:
            detail = f"The head {whose} covers {head.size} entries, and the log has {self.size}: its end was cut."
            self._find("missing", None, detail)
        elif head.size in self._roots and self._roots[head.size] != head.root:
            detail = f"The first {head.size} entries are not those of the head {whose} at {head.at}."
            self._find("head", None, detail)
        elif head.size not in self._roots and head.size > self._pruned:
            self._find("head", None, f"The head {whose} over {head.size} entries fits no place of the log.")

    def _note_root(self) -> None:
        if self._frontier.size in self._sizes:
            self._roots[self._frontier.size] = self._frontier.root().hex()

    def _find(self, problem: AuditProblem, place: int | None, detail: str) -> None:
        self.findings.append(AuditFinding(problem=problem, place=place, detail=detail))
