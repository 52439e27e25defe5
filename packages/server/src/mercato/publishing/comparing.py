"""What changed between two releases of a service: the comparison that phase 4 makes, of any two of them."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mercato.platform import Database, Session
from mercato.publishing.catalogue import Catalogue
from mercato.publishing.models import Service
from mercato.publishing.phases import changed_terms
from mercato.publishing.refusals import ReleaseNotFound
from mercato.publishing.repository import CatalogueRepository
from mercato.publishing.work import PastRelease
from mercato_checks.confined import CheckStopped, ConfinedChecks
from mercato_checks.confined.tasks import release_diff
from mercato_checks.diff import Change, VersionCheck, least_bump
from mercato_checks.semver import Bump, Version

_MOST_KEPT = 200


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """From the lower of two versions to the higher one. `changes`: those that break callers first.

    `least` is the lowest version after `earlier` that the changes allow, `bump` how far that is. `complete` is False
    where the comparison was cut short; it then counts as breaking. `keeps_semver`: the later version is `least` or
    higher, or no final release lies between the two.
    """

    earlier: str
    later: str
    changes: list[Change]
    bump: Bump
    least: str
    breaking: bool
    complete: bool
    keeps_semver: bool


Comparison = Callable[[], Awaitable[ReleaseDiff]]


@dataclass(frozen=True, slots=True)
class _Pair:
    vendor_id: str
    old: PastRelease
    new: PastRelease
    old_text: str | None
    new_text: str | None


class Comparing:
    """Compares releases in confined processes, because their documents are foreign text. One for a process.

    Releases never change, so the last comparisons are kept. No connection of the database is held meanwhile.
    """

    def __init__(self) -> None:
        self._checks = ConfinedChecks()
        self._kept: OrderedDict[tuple[str, str], ReleaseDiff] = OrderedDict()

    async def compare(
        self, database: Database, vendor: str, name: str, first: str, second: str, viewer: str | None = None
    ) -> ReleaseDiff:
        """The two versions in either order, of a service that the viewer sees.

        Raises `ServiceNotFound`, `ReleaseNotFound`.
        """
        async with database.transaction() as session:
            service = (await Catalogue(session, viewer).get_listing(vendor, name)).service
            pair = await self._read(session, service, f"{vendor}/{name}", first, second)
        return await self._compare(pair)

    async def compare_of(self, session: Session, service: Service, name: str, first: str, second: str) -> Comparison:
        """The same of a service that was read already: what is left to do once `session` has ended.

        Raises `ReleaseNotFound`.
        """
        pair = await self._read(session, service, name, first, second)
        return lambda: self._compare(pair)

    async def _compare(self, pair: _Pair | ReleaseDiff) -> ReleaseDiff:
        if isinstance(pair, ReleaseDiff):
            return pair
        terms = changed_terms(pair.old, pair.new.version, pair.new.task, pair.new.paths, pair.new.visibility)
        earlier = Version.parse(pair.old.version)
        try:
            checked = await self._checks.run(release_diff, pair.vendor_id, earlier, pair.old_text, pair.new_text, terms)
        except CheckStopped:
            # Not kept: a machine under load may have time for it later.
            bump = least_bump(earlier, terms, complete=False)
            return _diff(pair, VersionCheck([], terms, earlier, earlier.bumped(bump), bump, complete=False))
        found = _diff(pair, checked)
        self._kept[pair.old.id, pair.new.id] = found
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def close(self) -> None:
        """End the confined processes."""
        await self._checks.close()

    async def _read(
        self, session: Session, service: Service, name: str, first: str, second: str
    ) -> _Pair | ReleaseDiff:
        rows = CatalogueRepository(session)
        known = {row[1]: PastRelease(*row) for row in await rows.past_releases(service.id)}
        for version in (first, second):
            if version not in known:
                raise ReleaseNotFound(f"{name} has no release {version[:60]}.", version=version[:60])
        old, new = sorted((known[first], known[second]), key=lambda release: Version.parse(release.version))
        kept = self._kept.get((old.id, new.id))
        if kept is not None:
            self._kept.move_to_end((old.id, new.id))
            return kept
        documents = [await rows.find_document(release.id) for release in (old, new)]
        return _Pair(service.vendor_id, old, new, *documents)


def _diff(pair: _Pair, checked: VersionCheck) -> ReleaseDiff:
    assert checked.least is not None
    assert checked.bump is not None
    earlier, later = Version.parse(pair.old.version), Version.parse(pair.new.version)
    core = Version(later.major, later.minor, later.patch)
    return ReleaseDiff(
        earlier=pair.old.version,
        later=pair.new.version,
        changes=checked.changes,
        bump=checked.bump,
        least=str(checked.least),
        breaking=checked.breaking,
        complete=checked.complete,
        keeps_semver=core >= checked.least or bool(earlier.pre) or earlier == later,
    )
