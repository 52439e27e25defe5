"""The release phase: a checked submission becomes a release, unless another release came first."""

from mercato.identity import Directory
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing.credential_rows import CredentialRepository
from mercato.publishing.facts import (
    CompatibilityFacts,
    ContractFacts,
    DocumentFacts,
    OvertakenFacts,
    ReleasedFacts,
)
from mercato.publishing.release import Releasing
from mercato.publishing.repository import CatalogueRepository, SubmissionRepository
from mercato.publishing.submit import digest_of
from mercato.publishing.work import PhaseResult, Work, credential_missing, read_work
from mercato_checks.codes import found
from mercato_checks.findings import Finding


async def release_submission(session: Session, clock: Clock, ids: Ids, outbox: Outbox, work: Work) -> PhaseResult:
    """Runs in the transaction of the evidence: both are written, or neither. A suspended vendor's release waits."""
    submission = work.submission
    # Read under a lock: whoever suspends the vendor at this moment finds the new deployment, or the release waits.
    if await Directory(session).is_suspended(submission.vendor_id):
        waits = "The vendor is suspended; the release goes on once it is reinstated."
        return PhaseResult([found("vendor_suspended", "", waits)], waits=True)
    # Lock before reading the releases again: another submission may be released at this moment.
    await CatalogueRepository(session).lock_service(submission.vendor_id, submission.service_name)
    approval = await SubmissionRepository(session).find_approval(submission.id)
    if approval is None or approval.digest != digest_of(work.manifest_text, work.document_text):
        return PhaseResult([found("digest_mismatch", "", "The content is not what was approved.")])
    fresh = await read_work(session, work.database, work.checks, submission)
    baseline = None if fresh.baseline is None else fresh.baseline.version
    compared = work.facts_of(CompatibilityFacts).compared_with
    if baseline != compared:
        return PhaseResult([_overtaken(compared, baseline)], OvertakenFacts(compared, baseline))
    credential = work.manifest.endpoint.credential
    if credential is not None and not await CredentialRepository(session).keep(submission.vendor_id, credential.secret):
        return PhaseResult([credential_missing(credential)])
    release = await Releasing(session, clock, ids, outbox).release(
        submission,
        work.manifest,
        document=work.document_text,
        operations=work.facts_of(DocumentFacts).operations,
        addresses=work.facts_of(ContractFacts).addresses,
    )
    return PhaseResult(facts=ReleasedFacts(release.service_id, release.id, release.version))


def _overtaken(compared: str | None, baseline: str | None) -> Finding:
    message = f"This version was compared with {compared or 'no release'}; by now it follows {baseline or 'none'}."
    return found("release_overtaken", "version", message)
