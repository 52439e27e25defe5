"""A vendor submits a manifest and its OpenAPI document; the pipeline does the rest."""

import hashlib
from dataclasses import dataclass

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session, ask_together
from mercato.publishing.approval_rows import dossier_questions
from mercato.publishing.models import Approval, Evidence, Submission, Vote
from mercato.publishing.news import SubmissionReceived
from mercato.publishing.refusals import (
    DocumentMissing,
    ManifestRefused,
    SubmissionNotFound,
    SubmissionUnderWay,
    VersionExists,
)
from mercato.publishing.repository import SubmissionRepository
from mercato_checks.findings import Finding
from mercato_checks.manifest import check_manifest
from mercato_checks.text import NotText, decode
from mercato_contracts import ids as id_prefix
from mercato_contracts.manifest import ServiceManifest
from mercato_contracts.problem import FieldError

ENDED = ("released", "refused")


@dataclass(frozen=True, slots=True)
class Dossier:
    """A submission with its evidence, approval and votes."""

    submission: Submission
    evidence: list[Evidence]
    approval: Approval | None
    votes: list[Vote]


class Submissions:
    """The submissions of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = SubmissionRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def submit(self, caller: Caller, *, manifest: str, document: str | None) -> tuple[Submission, bool]:
        """The submission, and whether it is new: the same content submitted again is the same submission.

        Raises `ManifestRefused`, `DocumentMissing`, `VersionExists`, `SubmissionUnderWay`; and then writes nothing.
        """
        caller.require(Permission.SERVICES_PUBLISH)
        typed = _read(manifest)
        _require_document(typed, document)
        submission = Submission(
            id=self._ids.new(id_prefix.SUBMISSION),
            vendor_id=caller.organisation_id,
            service_name=typed.name,
            version=typed.version,
            manifest=manifest,
            document=document,
            digest=digest_of(manifest, document),
            state="received",
            created_by=caller.actor,
            created_at=self._clock.now(),
        )
        if not await self._rows.add_submission(submission):
            return await self._same_again(submission), False
        await self._outbox.add(self._session, SubmissionReceived(by=caller.actor, submission_id=submission.id))
        return submission, True

    async def _same_again(self, wanted: Submission) -> Submission:
        known = await self._rows.find_open(wanted.vendor_id, wanted.service_name, wanted.version)
        assert known is not None
        if known.digest == wanted.digest:
            return known
        named = f"{known.service_name} {known.version}"
        if known.state == "released":
            raise VersionExists(f"{named} is released with other content.", submission=known.id)
        raise SubmissionUnderWay(f"{named} is being checked already, with other content.", submission=known.id)

    async def get(self, caller: Caller, submission_id: str) -> Dossier:
        """A submission of the caller's organisation; operators may read all. Raises `SubmissionNotFound`."""
        caller.require(Permission.SERVICES_READ)
        submission = await self._rows.find(submission_id)
        foreign = submission is None or submission.vendor_id != caller.organisation_id
        if submission is None or (foreign and not caller.may(Permission.MARKETPLACE_READ)):
            raise SubmissionNotFound(f"Your organisation has no submission {submission_id}.", submission=submission_id)
        evidence, approval, votes = dossier_questions(submission_id)
        answers = await ask_together(self._session, evidence, approval, votes)
        found = next(iter(answers.of(approval)), None)
        return Dossier(submission, answers.of(evidence), found, answers.of(votes))

    async def list_own(self, caller: Caller, *, after: str | None, limit: int) -> list[Submission]:
        """The organisation's submissions, the newest first."""
        caller.require(Permission.SERVICES_READ)
        return await self._rows.list_own(caller.organisation_id, after, limit)


def digest_of(manifest: str, document: str | None) -> str:
    """SHA-256 of a submission's content, in hexadecimal digits."""
    # The length marks where one text ends and the other begins.
    first = manifest.encode()
    rest = b"none" if document is None else b"text" + document.encode()
    return hashlib.sha256(len(first).to_bytes(8, "big") + first + rest).hexdigest()


def as_errors(findings: list[Finding]) -> list[FieldError]:
    """Findings as the fields of a refusal."""
    return [
        FieldError(field=finding.where, code=finding.code, message=f"{finding.message} {finding.fix}")
        for finding in findings
    ]


def _read(manifest: str) -> ServiceManifest:
    checked = check_manifest(manifest)
    if checked.manifest is None:
        named = ", ".join(finding.where for finding in checked.findings[:5] if finding.where) or "the whole"
        raise ManifestRefused(f"service.yaml is not a manifest: {named}.", errors=as_errors(checked.findings))
    if not _storable(manifest) or not _storable(checked.manifest.model_dump_json()):
        raise ManifestRefused("service.yaml holds a NUL character or half a character.")
    return checked.manifest


def _require_document(manifest: ServiceManifest, document: str | None) -> None:
    if (manifest.openapi is None) != (document is None):
        named = "no OpenAPI document" if manifest.openapi is None else manifest.openapi
        raise DocumentMissing(f"The manifest names {named}, and {'none' if document is None else 'one'} was sent.")
    if document is not None and not _storable(document):
        raise DocumentMissing("The OpenAPI document holds a NUL character or half a character.")


def _storable(text: str) -> bool:
    """Whether PostgreSQL can store it: no NUL, not even as a JSON escape, and no half of a surrogate pair."""
    try:
        decode(text)
    except NotText:
        return False
    return "\0" not in text and "\\u0000" not in text
