"""The refusals of publishing."""

from mercato.platform import Conflict, Malformed, NotFound


class ManifestRefused(Malformed):
    """`service.yaml` cannot be read as a manifest. Nothing was written."""

    code = "manifest_refused"
    title = "The manifest is refused"
    fix = "Fix the fields named under `errors`; `mp validate` gives the same verdict."


class DocumentMissing(Malformed):
    """The manifest names an OpenAPI document and none was sent, or it names none and one was sent."""

    code = "openapi_document_mismatch"
    title = "Manifest and OpenAPI document do not belong together"
    fix = "Send the text of the file that the manifest names under `openapi`, or nothing if it names none."


class VersionExists(Conflict):
    """This version was released with other content; a version never changes."""

    code = "version_exists"
    title = "The version is released already"
    fix = "Raise `version` in service.yaml; a released version never changes."


class SubmissionUnderWay(Conflict):
    """Another submission of this version is in the pipeline, with other content."""

    code = "submission_under_way"
    title = "Another submission of this version is under way"
    fix = "Wait until it is decided (`GET /api/submissions/{id}`), or raise `version`."


class SubmissionNotFound(NotFound):
    """The caller's organisation has no such submission."""

    code = "submission_not_found"
    title = "No such submission"
    fix = "`GET /api/submissions` lists the submissions of your organisation."


class CredentialRefused(Malformed):
    """A name or value that cannot be a credential. Nothing was written."""

    code = "credential_refused"
    status = 422
    title = "The credential is refused"
    fix = "Fix the field under `errors`: a value is one line of visible ASCII, as its endpoint expects it."


class CredentialNotFound(NotFound):
    """The caller's organisation has no credential of this name."""

    code = "credential_not_found"
    title = "No such credential"
    fix = "`GET /api/credentials` lists the credentials of your organisation."


class CredentialInUse(Conflict):
    """Callable releases send it to their endpoints."""

    code = "credential_in_use"
    title = "The credential is in use"
    fix = "Yank the releases of the services under `facts.services`, or store a new value under the same name."


class TooManyCredentials(Conflict):
    """The organisation has as many credentials as it may."""

    code = "too_many_credentials"
    title = "Too many credentials"
    fix = "Remove one that is no longer needed."


class ServiceNotFound(NotFound):
    """The catalogue has no such service."""

    code = "service_not_found"
    title = "No such service"
    fix = "Check vendor and name; `GET /api/search` finds services."


class ReleaseNotFound(NotFound):
    """The service has no such version."""

    code = "release_not_found"
    title = "No such release"
    fix = "`GET /api/services/{vendor}/{name}` lists the releases."


class DocumentNotFound(NotFound):
    """The release was published without an OpenAPI document."""

    code = "openapi_document_not_found"
    title = "The release has no OpenAPI document"
    fix = "Its protocol is described in the marketplace's documentation."


class DeploymentNotFound(NotFound):
    """There is no such deployment, or the caller may not change it."""

    code = "deployment_not_found"
    title = "No such deployment"
    fix = "`GET /api/deployments` lists the deployments of your organisation."


class PlanNotFound(NotFound):
    """There is no such plan."""

    code = "plan_not_found"
    title = "No such plan"
    fix = "`GET /api/services/{vendor}/{name}` lists the plans that are open."


class ReleaseOver(Conflict):
    """A yanked release stays yanked."""

    code = "release_yanked"
    title = "The release was yanked"
    fix = "Publish a new version."


class CanaryNotFound(NotFound):
    """No canary of this service runs."""

    code = "canary_not_found"
    title = "No canary is running"
    fix = "`GET /api/services/{vendor}/{name}/canaries` lists earlier ones; `mp canary start` starts one."


class CanaryUnderWay(Conflict):
    """A service has one canary at a time."""

    code = "canary_under_way"
    title = "Another canary is running"
    fix = "Promote or abort it first."


class CanaryNotNewest(Conflict):
    """Only the newest final version can be a canary, beside an older live one."""

    code = "canary_not_newest"
    title = "The release cannot be a canary"
    fix = "Name the highest version that is not a pre-release; an older live release must exist to compare it with."


class ApprovalNotFound(NotFound):
    """No such submission waits for people."""

    code = "approval_not_found"
    title = "Nothing awaits a decision here"
    fix = "`GET /api/approvals` lists what awaits one."


class ApprovalHeld(Conflict):
    """Somebody else looks at it."""

    code = "approval_claimed"
    title = "Another person has claimed it"
    fix = "Ask that person, or take it over: `mp approvals claim SUBMISSION --take-over`."


class OtherContent(Conflict):
    """What the person looked at is not what would be released."""

    code = "approval_digest_differs"
    title = "Another content was looked at"
    fix = "Read the submission again and decide with the digest that it has now."


class VendorSuspended(Conflict):
    """Nothing of a suspended vendor is approved; its submissions wait."""

    code = "vendor_suspended"
    title = "The vendor is suspended"
    fix = "Reject the submission, or let it wait and approve it once the vendor is reinstated."


class OwnSubmission(Conflict):
    """Nobody decides on a submission of their own organisation."""

    code = "own_submission"
    status = 403
    title = "A submission of your own organisation"
    fix = "Let an approver of another organisation decide."


class AlreadyDecided(Conflict):
    """The submission is decided, or this person has cast another vote before."""

    code = "already_decided"
    title = "The submission is decided"
    fix = "Read the submission; a vendor may submit again."
