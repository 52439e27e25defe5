"""Step 3: vendors publish, an approver and a rule decide."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from demo.control import Member
from demo.model_servers import EXAMPLES
from demo.report import Report
from mercato_contracts.manifest import PlanManifest, ServiceManifest
from mercato_contracts.publishing import SubmissionView

ROOTS = {
    "embedder": "http://127.0.0.1:9101",
    "stock-signals": "http://127.0.0.1:9102",
    "smollm": "http://127.0.0.1:9103",
}
"""Where the examples say that their servers run."""


@dataclass(frozen=True)
class Offer:
    """An example's folder, sold by a vendor from a server that runs at `url`."""

    vendor: Member
    folder: str
    url: str
    version: str = ""
    """In the place of the example's, where it is not empty."""

    @cached_property
    def manifest(self) -> ServiceManifest:
        """`service.yaml`, as it is sent."""
        return ServiceManifest.model_validate(yaml.safe_load(self.manifest_text))

    @cached_property
    def manifest_text(self) -> str:
        """With the address of the running server in the place of the example's."""
        return self._moved("service.yaml")

    @cached_property
    def document_text(self) -> str:
        """The OpenAPI document, with the same change."""
        return self._moved("openapi.yaml")

    @property
    def service(self) -> str:
        """`vendor/name`."""
        return f"{self.vendor.slug}/{self.manifest.name}"

    def plan(self, name: str) -> PlanManifest:
        """As the vendor wrote it."""
        return next(plan for plan in self.manifest.plans if plan.name == name)

    def submit(self) -> str:
        """Hands the version in; the submission's id."""
        submitted = self.vendor.post(
            "/api/submissions", {"manifest": self.manifest_text, "openapi": self.document_text}
        )
        return str(submitted["id"])

    def _moved(self, name: str) -> str:
        path: Path = EXAMPLES / self.folder / name
        placeholder = ROOTS[self.folder]
        text = path.read_text()
        assert placeholder in text, f"{path} names {placeholder}"
        if self.version:
            text = re.sub(r"^( *)version: 1\.0\.0$", rf"\g<1>version: {self.version}", text, count=1, flags=re.M)
        return text.replace(placeholder, self.url)


def publish_by_rule(report: Report, offer: Offer) -> None:
    """All ten phases without a person."""
    released = offer.vendor.follow(offer.submit(), "released")
    report.say(f"{offer.service} {offer.manifest.version} by {offer.vendor.slug}:")
    tell_evidence(report, released)
    _tell_decision(report, released, people=0)


def publish_by_hand(report: Report, offer: Offer, approver: Member) -> None:
    """The pipeline waits until an approver of the operator has agreed."""
    submission_id = offer.submit()
    waiting = offer.vendor.follow(submission_id, "waiting")
    queue = [item["submission"]["id"] for item in approver.every("/api/approvals")]
    report.agree(f"the approver's queue while {offer.service} waits", [submission_id], queue)
    report.say(f"{offer.service} {waiting.version} by {offer.vendor.slug} waits for a person")
    reason = "Looked at the contract calls and the manifest; the cautions are stated."
    approver.post(f"/api/approvals/{submission_id}", {"decision": "approve", "reason": reason})
    released = offer.vendor.follow(submission_id, "released")
    tell_evidence(report, released)
    _tell_decision(report, released, people=1)


def _tell_decision(report: Report, released: SubmissionView, *, people: int) -> None:
    approval = released.approval
    assert approval is not None, "a release was approved"
    report.agree(f"{released.service} approved by people", people, len(approval.votes))
    report.agree(
        f"{released.service} phases with evidence", list(range(1, 11)), [phase.phase for phase in released.phases]
    )
    took = (released.ended_at or released.created_at) - released.created_at
    report.say(f"released {took.total_seconds():.1f} s after it was handed in; rule: {approval.rule}")


def tell_evidence(report: Report, seen: SubmissionView) -> None:
    """What each phase decided, in one line each."""
    for phase in seen.phases:
        milliseconds = (phase.ended_at - phase.started_at).total_seconds() * 1000
        notes = "; ".join(finding.code for finding in phase.findings[:3])
        report.say(f"  {phase.phase:2} {phase.name:<24} {phase.outcome:<8} {milliseconds:6.0f} ms  {notes}".rstrip())
