"""Entries of the log of signals as they are hashed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime


def write_entry(
    *, deployment_id: str, round_id: str, era: int, scores_sha256: str, received_at: datetime, place: int
) -> str:
    """The entry as it is hashed: JSON without spaces, keys sorted."""
    fields = {
        "deployment": deployment_id,
        "era": era,
        "place": place,
        "received_at": received_at.isoformat(),
        "round": round_id,
        "scores_sha256": scores_sha256,
    }
    return json.dumps(fields, separators=(",", ":"), sort_keys=True)


def write_scores(scores: Mapping[str, float]) -> str:
    """Scores as JSON without spaces, ids sorted, numbers as Python writes them (shortest, exact), no negative zero."""
    return json.dumps({name: score + 0.0 for name, score in scores.items()}, separators=(",", ":"), sort_keys=True)


def digest_scores(scores: Mapping[str, float]) -> str:
    """SHA-256 of what `write_scores` gives."""
    return hashlib.sha256(write_scores(scores).encode()).hexdigest()
