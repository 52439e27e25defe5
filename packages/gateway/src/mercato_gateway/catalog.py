"""The snapshot in memory: services by name, compiled at their first call; deployments outlive its updates."""

from collections.abc import Callable
from urllib.parse import urlsplit

from mercato_contracts.pricing import Charge
from mercato_gateway import semver
from mercato_gateway.bodies import escape
from mercato_gateway.operations import Operations
from mercato_gateway.refusals import Refused
from mercato_gateway.upstream import Pool
from mercato_gateway.wire import SnapshotDeployment, SnapshotPlan, SnapshotRelease, SnapshotService

_RANGES_KEPT = 64
_EMBEDS = frozenset({"/embeddings"})
_GENERATES = frozenset({"/chat/completions", "/completions", "/responses", "/messages", "/messages/count_tokens"})
_WRONG_PATHS = {"embeddings": _GENERATES, "chat": _EMBEDS, "completion": _EMBEDS}

Prices = dict[tuple[int, int, int], Charge]


class Deployment:
    """One deployment and its state: connections, latency, failures."""

    __slots__ = (
        "base", "check_at", "cooled_until", "ejected_until", "ejections", "ewma_us", "failed_checks", "failures", "id",
        "inflight", "limited", "model", "out_until", "policy", "pool", "release", "timeout", "wire",
    )  # fmt: skip

    def __init__(self, wire: SnapshotDeployment, release: "Release", pool: Pool) -> None:
        self.wire = wire
        self.id = wire.id
        self.release = release
        self.pool = pool
        self.base = urlsplit(wire.url).path.rstrip("/").encode("ascii")
        self.model = escape(wire.upstream_model) if wire.upstream_model is not None else None
        self.limited = bool(wire.limits)
        self.policy = b""  # the `RateLimit-Policy` of its limits, made at the first call
        self.timeout: float = wire.timeout_ms / 1000
        self.inflight = 0
        self.ewma_us = 0.0
        self.failures = 0
        # The later of the next two: no calls until then.
        self.ejected_until = 0.0
        self.out_until = 0.0
        self.cooled_until = 0.0
        self.ejections = 0
        self.failed_checks = 0
        self.check_at = 0.0


class Release:
    """A release with its operations compiled."""

    __slots__ = ("deployments", "id", "operations", "version", "wire")

    def __init__(self, wire: SnapshotRelease) -> None:
        self.wire = wire
        self.id = wire.id
        self.version = semver.parse_version(wire.version)
        self.operations = Operations(wire.operations)
        self.deployments: list[Deployment] = []


class Service:
    """A service ready to be called."""

    __slots__ = (
        "_canaries", "_canary", "_chosen", "_releases", "model", "name", "plans", "prices", "protocol", "wire",
        "wrong_paths",
    )  # fmt: skip

    def __init__(
        self, wire: SnapshotService, deployment_of: Callable[[SnapshotDeployment, Release], Deployment]
    ) -> None:
        self.wire = wire
        self.name = f"{wire.vendor}/{wire.name}"
        self.protocol = wire.protocol
        self.model = escape(wire.name)
        # Operations of its protocol that its task rules out.
        self.wrong_paths = _WRONG_PATHS.get(wire.task or "", frozenset())
        self.plans: dict[str, SnapshotPlan] = {plan.id: plan for plan in wire.plans}
        # Recent charges by plan, by tokens in, tokens out and included units.
        self.prices: dict[str, Prices] = {plan.id: {} for plan in wire.plans}
        self._releases = sorted(map(Release, wire.releases), key=lambda release: release.version.order, reverse=True)
        for release in self._releases:
            release.deployments = [deployment_of(deployment, release) for deployment in release.wire.deployments]
        self._chosen: dict[str, Release] = {}
        self._canaries: dict[str, Release | None] = {}
        named = wire.canary.version if wire.canary is not None else None
        self._canary = next((r for r in self._releases if r.wire.version == named and _takes_calls(r)), None)

    def canary_for(self, wanted: str) -> Release | None:
        """The canary, where it fits the range and shares the calls with another release."""
        if self._canary is None:
            return None
        if wanted not in self._canaries:
            found = self._choose_canary(wanted, self._canary)
            if len(self._canaries) >= _RANGES_KEPT:
                return found
            self._canaries[wanted] = found
        return self._canaries[wanted]

    def _choose_canary(self, wanted: str, canary: Release) -> Release | None:
        text = self._text_of(wanted)
        versions = semver.parse_range(text)
        anything = text == "*" != wanted  # no range was given, so a pre-release may be tried too
        fits = not versions.is_exact and (anything or semver.matches(canary.version, versions))
        # A canary that is out of routing takes no share: its calls would fail.
        able = any(deployment.wire.weight for deployment in canary.deployments)
        return canary if able and fits and self.release_for(wanted) is not canary else None

    def release_for(self, wanted: str) -> Release:
        """The highest live release in the range, or the one that the alias names; raises `Refused`.

        A deprecated release answers only where no live one is in the range; a yanked one never.
        """
        release = self._chosen.get(wanted)
        if release is None:
            release = self._choose(wanted)
            if len(self._chosen) < _RANGES_KEPT:
                self._chosen[wanted] = release
        return release

    def _text_of(self, wanted: str) -> str:
        """The range of an alias. Where no canary runs, `canary` means the same as `latest`."""
        text = self.wire.aliases.get(wanted, wanted)
        return "*" if text in ("latest", "canary") else text

    def _choose(self, wanted: str) -> Release:
        text = self._text_of(wanted)
        try:
            versions = semver.parse_range(text)
        except semver.BadRange:
            known = sorted({"latest", "canary", *self.wire.aliases})
            detail = f"`{wanted[:64]}` is neither a version, a range nor an alias of {self.name}."
            raise Refused("bad_version_range", detail, facts={"aliases": known}) from None
        found = [release for release in self._releases if semver.matches(release.version, versions)]
        # Build metadata does not order versions, but a call that names it gets that release where it exists.
        found = [release for release in found if release.wire.version == text] or found
        # A canary gets its share elsewhere (`canary_for`), and all calls only where nothing else fits.
        for statuses in (("live",), ("deprecated",)):
            for release in found:
                if release.wire.status in statuses and release.deployments and release is not self._canary:
                    return release
        if self._canary is not None and self._canary in found:
            return self._canary
        live = [release.wire.version for release in self._releases if release.wire.status == "live"][:20]
        yanked = any(release.wire.version == text and release.wire.status == "yanked" for release in found)
        why = f"{self.name} {text} was yanked." if yanked else f"No live version of {self.name} fits `{wanted[:64]}`."
        raise Refused("version_not_found", why, facts={"live": live})


def _takes_calls(release: Release) -> bool:
    return release.wire.status == "live" and bool(release.deployments)


class Catalog:
    """All services. `version` rises with every change: what was compiled from an older one is out of date."""

    def __init__(self, make_pool: Callable[[SnapshotDeployment], Pool]) -> None:
        self._make_pool = make_pool
        self._wires: dict[str, SnapshotService] = {}
        self._names: dict[str, str] = {}
        self._compiled: dict[str, Service] = {}
        self._deployments: dict[str, Deployment] = {}
        self.version = 0
        self.ready = False

    def put(self, wire: SnapshotService) -> None:
        """Adds or replaces a service."""
        self.remove(wire.id)
        name = f"{wire.vendor}/{wire.name}"
        self._wires[name] = wire
        self._names[wire.id] = name
        self._compiled.pop(name, None)  # of another service that had this name before

    def remove(self, service_id: str) -> None:
        """Forgets a service; unknown ids are fine."""
        self.version += 1
        name = self._names.pop(service_id, None)
        if name is not None and self._holds(name, service_id):
            del self._wires[name]
            self._compiled.pop(name, None)

    def _holds(self, name: str, service_id: str) -> bool:
        """Whether the name still belongs to this service: another may have taken it before this one was removed."""
        wire = self._wires.get(name)
        return wire is not None and wire.id == service_id

    def keep_only(self, service_ids: set[str]) -> None:
        """Forgets what was not in a whole snapshot."""
        for service_id in [known for known in self._names if known not in service_ids]:
            self.remove(service_id)
        running = {d.id for wire in self._wires.values() for r in wire.releases for d in r.deployments}
        for deployment_id in [known for known in self._deployments if known not in running]:
            self._deployments.pop(deployment_id).pool.close()
        self.ready = True

    def find(self, name: str) -> Service | None:
        """The service `vendor/name`."""
        service = self._compiled.get(name)
        if service is None:
            wire = self._wires.get(name)
            if wire is None:
                return None
            service = self._compiled[name] = Service(wire, self._deployment)
        return service

    def find_by_id(self, service_id: str) -> SnapshotService | None:
        """The service with this id."""
        wire = self._wires.get(self._names.get(service_id, ""))
        return wire if wire is not None and wire.id == service_id else None

    def _deployment(self, wire: SnapshotDeployment, release: Release) -> Deployment:
        old = self._deployments.get(wire.id)
        if old is not None and old.wire == wire:
            old.release = release
            return old
        new = Deployment(wire, release, self._make_pool(wire))
        if old is not None:
            # Calls in flight leave the old one: if the new one counted them too, it would count them for ever.
            new.ewma_us = old.ewma_us
            old.pool.close()
        self._deployments[wire.id] = new
        return new

    def deployments(self) -> list[Deployment]:
        """All deployments that were called."""
        return list(self._deployments.values())

    def __len__(self) -> int:
        return len(self._wires)
