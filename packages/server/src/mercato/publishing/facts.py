"""What phases learn: names of the phases, and for each the facts that its evidence keeps and later phases build upon.

Facts are stored as JSON and shown to people. Reading ignores names that it does not know, so evidence of other versions
stays readable; a field added later needs a default.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter

from mercato_checks.endpoint import Call
from mercato_checks.openapi.check import PublishedOperation
from mercato_checks.probe.exchange import Exchange


class PhaseName(StrEnum):
    """The phases. Evidence and attempts are stored under `position`, so a new phase comes last."""

    INTAKE = "intake"
    MANIFEST = "manifest"
    OPENAPI = "openapi"
    COMPATIBILITY = "compatibility"
    SECRETS = "secrets"
    CONTRACT = "contract"
    PERFORMANCE = "performance"
    POLICY = "policy"
    APPROVAL = "approval"
    RELEASE = "release"

    @property
    def position(self) -> int:
        """Counted from 1."""
        return list(PhaseName).index(self) + 1

    @classmethod
    def at(cls, position: int) -> "PhaseName":
        """The phase at this position."""
        return list(PhaseName)[position - 1]

    @property
    def step(self) -> str:
        """The phase's step in the workflow. Submissions under way have it in their records, so it never changes."""
        return f"{self.position} {self}"


PHASES: tuple[str, ...] = tuple(str(phase) for phase in PhaseName)
"""Their names in order."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one phase; this class itself says nothing."""

    phase: ClassVar[PhaseName]

    def to_json(self) -> dict[str, Any]:
        """As evidence keeps them."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what evidence keeps. Raises `ValueError` if a fact is missing or of another type."""
        return TypeAdapter(cls).validate_python(stored)


@dataclass(frozen=True, slots=True)
class StoppedFacts(Facts):
    """A phase that a limit or a crash stopped; `stopped` says how."""

    stopped: str


@dataclass(frozen=True, slots=True)
class IntakeFacts(Facts):
    """Who submitted what; `digest` is the SHA-256 of the content in hexadecimal digits."""

    phase = PhaseName.INTAKE

    vendor: str
    submitted_by: str
    digest: str
    manifest_bytes: int
    document_bytes: int


@dataclass(frozen=True, slots=True)
class ManifestFacts(Facts):
    """What the manifest offers; `plans` are names."""

    phase = PhaseName.MANIFEST

    protocol: str
    task: str
    plans: list[str]


@dataclass(frozen=True, slots=True)
class DocumentFacts(Facts):
    """What the OpenAPI document says of itself. `layers` counts the findings of each layer; `size` is in bytes.

    Without a document there are only `document` and `operations`; of one that cannot be read also `layers`.
    """

    phase = PhaseName.OPENAPI

    document: bool
    operations: list[PublishedOperation]
    layers: dict[str, int] | None = None
    openapi: str | None = None
    title: str | None = None
    version: str | None = None
    summary: str | None = None
    size: int | None = None
    schemas: int | None = None
    security_schemes: list[str] | None = None

    def to_json(self) -> dict[str, Any]:
        return _without_none(asdict(self))


@dataclass(frozen=True, slots=True)
class CompatibilityFacts(Facts):
    """How the version follows `compared_with`, which is None for a first one.

    `least` is the lowest version that the changes allow, `bump` how far it is from the earlier one. `complete` is False
    if the comparison was cut short. `changes` counts them by weight.
    """

    phase = PhaseName.COMPATIBILITY

    version: str
    compared_with: str | None
    least: str | None
    bump: str | None
    breaking: bool
    complete: bool
    changes: dict[str, int]


@dataclass(frozen=True, slots=True)
class SecretsFacts(Facts):
    """How much was scanned."""

    phase = PhaseName.SECRETS

    scanned_bytes: int


@dataclass(frozen=True, slots=True)
class ContractFacts(Facts):
    """The pinned addresses, and the calls made there: None if none was made.

    `seen` is what the answers showed, by protocol. `sample` is a call that worked, unless it is too large to keep.
    """

    phase = PhaseName.CONTRACT

    addresses: list[str]
    seen: dict[str, str | int | float | bool] | None = None
    exchanges: list[Exchange] | None = None
    sample: Call | None = None

    def to_json(self) -> dict[str, Any]:
        return {"addresses": self.addresses} if self.exchanges is None else asdict(self)


@dataclass(frozen=True, slots=True)
class PerformanceFacts(Facts):
    """What was measured, if anything was; times in microseconds, of answered calls only (0 if there was none)."""

    phase = PhaseName.PERFORMANCE

    measured: bool = False
    calls: int | None = None
    failed: int | None = None
    first_us: int | None = None
    p50_us: int | None = None
    p95_us: int | None = None
    slowest_us: int | None = None

    def to_json(self) -> dict[str, Any]:
        return _without_none(asdict(self))


@dataclass(frozen=True, slots=True)
class PolicyFacts(Facts):
    """What the policy engine decided, why, and what it was `asked`; no people are required if a rule decided."""

    phase = PhaseName.POLICY

    outcome: str
    rule: str
    reason: str
    required_people: int
    asked: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VoteFacts:
    """One person's vote; `at` is ISO 8601."""

    person: str
    decision: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class ApprovalFacts(Facts):
    """Where the approval stands."""

    phase = PhaseName.APPROVAL

    state: str
    rule: str
    reason: str
    required_people: int
    votes: list[VoteFacts]


@dataclass(frozen=True, slots=True)
class OvertakenFacts(Facts):
    """Another release came first: the version was compared with one, and now follows another."""

    phase = PhaseName.RELEASE

    compared_with: str | None
    baseline: str | None


@dataclass(frozen=True, slots=True)
class ReleasedFacts(Facts):
    """The ids of service and release, and the version."""

    phase = PhaseName.RELEASE

    service: str
    release: str
    version: str


def _without_none(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
