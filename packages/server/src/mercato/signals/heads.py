"""Heads of the desk's two chains, the log of signals and the record, as they are given away."""

from mercato.platform import SignedHead
from mercato_contracts.record import RecordHead
from mercato_contracts.signals import TreeHead


def view_log_head(row: SignedHead) -> TreeHead:
    return TreeHead(size=row.size, root=row.state, at=row.at, key=row.key, signature=row.signature)


def view_record_head(row: SignedHead) -> RecordHead:
    return RecordHead(size=row.size, digest=row.state, at=row.at, key=row.key, signature=row.signature)
