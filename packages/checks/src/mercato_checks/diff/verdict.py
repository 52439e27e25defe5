"""Phase 4: from the changes to the least version that may carry them.

Rules: a breaking change needs a new major, an addition a new minor, anything else a new patch. What could not be
compared or understood counts as breaking: a release that may break callers never passes as one that does not. Below
1.0.0 the minor is what may break and the patch carries the rest (SemVer 2.0.0, sections 4 and 5, as npm's caret reads
it). Between pre-releases of one version anything may change. Documents are compared with the release that callers
come from: the highest one below the declared version.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mercato_checks.codes import capped, found
from mercato_checks.diff.change import BudgetSpent, Change, Report, Weight
from mercato_checks.diff.operations import DocumentComparison
from mercato_checks.diff.values import freeze
from mercato_checks.findings import Finding
from mercato_checks.openapi.document import Document
from mercato_checks.semver import Bump, NotSemVer, Version

log = logging.getLogger(__name__)

_ORDER: dict[Weight, int] = {"breaking": 0, "unclear": 1, "addition": 2, "other": 3}
_CODES: dict[Weight, str] = {
    "breaking": "change_breaking",
    "unclear": "change_not_understood",
    "addition": "change_compatible",
    "other": "change_compatible",
}


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """What phase 4 found. `baseline` None: nothing was released below, so nothing can break.

    `complete`: everything was compared.
    """

    findings: list[Finding]
    changes: list[Change]
    baseline: Version | None
    least: Version | None
    bump: Bump | None
    complete: bool = True

    @property
    def breaking(self) -> bool:
        """Whether callers may break: a change breaks them, is not understood, or may have been overlooked."""
        return not self.complete or breaks(self.changes)


def diff_documents(old: Document, new: Document) -> tuple[list[Change], bool]:
    """All changes, those that break callers first, and whether everything was compared. Never raises."""
    if old.edition == new.edition and freeze(old.tree) == freeze(new.tree):
        return [], True
    report, complete = Report(), True
    try:
        DocumentComparison(old, new, report).compare()
    except BudgetSpent:
        complete = False
    except Exception:
        # A fault of ours must not let a breaking release pass: what was not compared is a person's to judge.
        log.exception("comparing two documents failed")
        complete = False
    return sorted(dict.fromkeys(report.changes), key=lambda change: _ORDER[change.weight]), complete


def breaks(changes: Iterable[Change]) -> bool:
    """Whether one of the changes breaks callers, or may."""
    return any(change.weight in ("breaking", "unclear") for change in changes)


def choose_baseline(declared: Version, released: Iterable[Version]) -> Version | None:
    """The release whose callers the declared version must not break: the highest below it.

    Pre-releases count only for the version that they lead to.
    """
    core = _core(declared)
    below = [each for each in released if each < declared]
    return max(
        (each for each in below if not each.pre or _core(each) == core),
        default=max(below, default=None),
    )


def choose_stable(declared: Version, released: Iterable[Version]) -> Version | None:
    """The final release that callers of a draft come from; None where the baseline is no draft of the declared version.

    Drafts may change at will, so a chain of them could carry any change from one final release to the next.
    """
    known = list(released)
    baseline = choose_baseline(declared, known)
    if baseline is None or not baseline.pre or _core(baseline) != _core(declared):
        return None
    return max((each for each in known if not each.pre and each < declared), default=None)


def check_version(
    declared: str,
    released: Iterable[Version],
    old: Document | None = None,
    new: Document | None = None,
    *,
    stable: Document | None = None,
    terms: Iterable[Change] = (),
    readable: bool = True,
) -> VersionCheck:
    """Judge the declared version.

    `old` and `stable` are the documents of the baseline and of the stable release (see `choose_baseline` and
    `choose_stable`), None where they have none. `terms` are changes of the manifest since the baseline. `readable` is
    False where a document that is there could not be read.
    """
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
    changes, complete = _compare(old, new)
    since_baseline = _judge(version, baseline, [*terms, *changes], complete and readable)
    final = choose_stable(version, known)
    if final is None:
        return since_baseline
    changes, complete = _compare(stable, new)
    since_final = _judge(version, final, [*terms, *changes], complete and readable)
    return replace(since_final, findings=[*since_baseline.findings, *since_final.findings], baseline=baseline)


def compare_releases(
    earlier: Version,
    old: Document | None,
    new: Document | None,
    *,
    terms: Iterable[Change] = (),
    readable: bool = True,
) -> VersionCheck:
    """What changed between two releases, those that break callers first, and the least version that may carry it.

    Arguments as in `check_version`. No version is judged, so there are no findings.
    """
    changes, complete = _compare(old, new)
    listed = sorted([*terms, *changes], key=lambda change: _ORDER[change.weight])
    complete = complete and readable
    bump = least_bump(earlier, listed, complete=complete)
    return VersionCheck([], listed, earlier, earlier.bumped(bump), bump, complete)


def _core(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _compare(old: Document | None, new: Document | None) -> tuple[list[Change], bool]:
    if old is not None and new is not None:
        return diff_documents(old, new)
    if old is not None:
        message = "The previous release has an OpenAPI document and this one has none."
        return [Change("document.removed", "", "breaking", message)], True
    if new is not None:
        message = "The previous release has no OpenAPI document, so it is unknown what callers used."
        return [Change("document.added", "", "unclear", message)], True
    return [], True


def _taken(version: Version, known: list[Version]) -> Finding:
    same = next(each for each in known if each == version)
    if same.build != version.build:
        return found("version_precedence_equal", "version", f"{version} differs from {same} in metadata only.")
    least = max(known).bumped("patch")
    return found("version_not_higher", "version", f"{version} is released and cannot change; the next is {least}.")


def _judge(version: Version, baseline: Version, changes: list[Change], complete: bool) -> VersionCheck:
    bump = least_bump(baseline, changes, complete=complete)
    least = baseline.bumped(bump)
    findings = [found(_CODES[change.weight], change.where, f"{change.rule}: {change.message}") for change in changes]
    if not complete:
        message = "The documents could not be compared completely, so the release is treated as breaking."
        findings.insert(0, found("diff_incomplete", "", message))
    core = Version(*_core(version))
    between_drafts = bool(baseline.pre) and _core(version) == _core(baseline)
    if core < least and not between_drafts:
        count = sum(change.weight in ("breaking", "unclear") for change in changes)
        message = f"{version} after {baseline} with {count} breaking of {len(changes)} changes: at least {least}."
        findings.insert(0, found("version_bump_too_small", "version", message, fix=f"Release it as {least} or higher."))
    return VersionCheck(capped(findings, 50), changes, baseline, least, bump, complete)


def least_bump(baseline: Version, changes: Iterable[Change], *, complete: bool = True) -> Bump:
    """The least step from the baseline that may carry these changes."""
    listed = list(changes)
    if not complete or breaks(listed):
        return "major" if baseline.major > 0 else "minor"
    added = any(change.weight == "addition" for change in listed)
    return "minor" if added and baseline.major > 0 else "patch"
