"""Phase 4: from the changes to the least version that may carry them.

Rules: a breaking change needs a new major, an addition a new minor, anything else a new patch. Below 1.0.0 the minor is
what may break and the patch carries the rest (SemVer 2.0.0, sections 4 and 5, as npm's caret reads it). Between
pre-releases of one version anything may change. Documents are compared with the release that callers come from: the
highest one below the declared version.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mercato_checks.codes import capped, found
from mercato_checks.diff.change import BudgetSpent, Change, Report
from mercato_checks.diff.operations import DocumentComparison
from mercato_checks.findings import Finding
from mercato_checks.openapi.document import Document
from mercato_checks.semver import Bump, NotSemVer, Version


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """What phase 4 found. `baseline` None: nothing was released below, so nothing can break."""

    findings: list[Finding]
    changes: list[Change]
    baseline: Version | None
    least: Version | None
    bump: Bump | None

    @property
    def breaking(self) -> bool:
        return any(change.weight == "breaking" for change in self.changes)


def diff_documents(old: Document, new: Document) -> tuple[list[Change], bool]:
    """All changes, breaking ones first, and whether everything was compared."""
    report, whole = Report(), True
    try:
        DocumentComparison(old.tree, new.tree).compare(report)
    except (BudgetSpent, RecursionError):
        whole = False
    return sorted(dict.fromkeys(report.changes), key=lambda change: change.weight != "breaking"), whole


def choose_baseline(declared: Version, released: Iterable[Version]) -> Version | None:
    """The release whose callers the declared version must not break: the highest below it.

    Pre-releases count only for the version that they lead to.
    """
    core = (declared.major, declared.minor, declared.patch)
    below = [each for each in released if each < declared]
    return max(
        (each for each in below if not each.pre or (each.major, each.minor, each.patch) == core),
        default=max(below, default=None),
    )


def check_version(
    declared: str, released: Iterable[Version], old: Document | None = None, new: Document | None = None
) -> VersionCheck:
    """Judge the declared version. `old` is the baseline's document (see `choose_baseline`), where both have one."""
    try:
        version = Version.parse(declared)
    except NotSemVer as error:
        return VersionCheck([found("version_not_semver", "version", f"{error}.")], [], None, None, None)
    known = list(released)
    if version in known:
        return VersionCheck([_taken(version, known)], [], None, None, None)
    baseline = choose_baseline(version, known)
    if baseline is None:
        return VersionCheck([], [], None, None, None)
    changes, whole = diff_documents(old, new) if old is not None and new is not None else ([], True)
    return _judge(version, baseline, changes, whole)


def _taken(version: Version, known: list[Version]) -> Finding:
    same = next(each for each in known if each == version)
    if same.build != version.build:
        return found("version_precedence_equal", "version", f"{version} differs from {same} in metadata only.")
    least = max(known).bumped("patch")
    return found("version_not_higher", "version", f"{version} is released and cannot change; the next is {least}.")


def _judge(version: Version, baseline: Version, changes: list[Change], whole: bool) -> VersionCheck:
    bump = least_bump(baseline, changes)
    least = baseline.bumped(bump)
    findings = [
        found(
            "change_breaking" if change.weight == "breaking" else "change_compatible",
            change.where,
            f"{change.rule}: {change.message}",
        )
        for change in changes
    ]
    core = Version(version.major, version.minor, version.patch)
    between_drafts = bool(baseline.pre) and core == Version(baseline.major, baseline.minor, baseline.patch)
    if core < least and not between_drafts:
        breaking = sum(change.weight == "breaking" for change in changes)
        message = f"{version} after {baseline} with {breaking} breaking of {len(changes)} changes: at least {least}."
        findings.insert(0, found("version_bump_too_small", "version", message, fix=f"Release it as {least} or higher."))
    if not whole:
        findings.append(found("diff_incomplete", "", "The documents are too large or too entangled to compare whole."))
    return VersionCheck(capped(findings, 50), changes, baseline, least, bump)


def least_bump(baseline: Version, changes: Iterable[Change]) -> Bump:
    """The least step from the baseline that may carry these changes."""
    weights = {change.weight for change in changes}
    if "breaking" in weights:
        return "major" if baseline.major > 0 else "minor"
    return "minor" if "addition" in weights and baseline.major > 0 else "patch"
