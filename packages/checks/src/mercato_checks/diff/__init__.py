"""Phase 4: what changed since the last release, whether it breaks callers, and which version it needs."""

from mercato_checks.diff.change import Change
from mercato_checks.diff.verdict import (
    VersionCheck,
    check_version,
    choose_baseline,
    choose_stable,
    compare_releases,
    diff_documents,
    least_bump,
)

__all__ = [
    "Change",
    "VersionCheck",
    "check_version",
    "choose_baseline",
    "choose_stable",
    "compare_releases",
    "diff_documents",
    "least_bump",
]
