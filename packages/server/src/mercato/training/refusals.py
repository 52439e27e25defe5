"""The refusals of training."""

from mercato.platform import Conflict, NotFound, Refusal


class RunNotFound(NotFound):
    """The caller's organisation has no such run."""

    code = "training_run_not_found"
    title = "No such training run"
    fix = "`mp train list` shows the runs of your organisation."


class CodeRefused(Refusal):
    """The zip of the project cannot be used."""

    code = "training_code_refused"
    status = 422
    title = "The project's code is refused"
    fix = "Send a zip of the project's folder with `train.py` in it, at most 8 MiB; `mp train start` makes one."


class BudgetTooSmall(Refusal):
    """The budget does not buy a second of this machine."""

    code = "training_over_budget"
    status = 422
    title = "The budget is too small"
    fix = "Raise `--max-cost`, or take a cheaper machine."


class ProviderMissing(Refusal):
    """The marketplace does not offer this provider, or the provider does not offer this machine."""

    code = "training_provider_unavailable"
    status = 422
    title = "This provider cannot run it"
    fix = "Choose another `--provider` or `--gpu`; the operator sets providers up."


class TooManyRuns(Conflict):
    """The organisation has as many runs under way as it may."""

    code = "training_too_many_runs"
    status = 429
    title = "Too many runs at once"
    fix = "Wait until one has ended, or stop one with `mp train stop`."


class ArtifactNotFound(NotFound):
    """The run left no such file."""

    code = "training_artifact_not_found"
    title = "No such artifact"
    fix = "`mp train status` lists what the run left."


class ArtifactRefused(Refusal):
    """A file that a run left may not be kept. Never a response over HTTP: it ends the run as failed."""

    code = "training_artifact_refused"
    status = 422
    title = "An artifact is refused"
    fix = "Save models as LightGBM text or ONNX, at most 256 MiB together; a pickle is never loaded."


class ClaimRefused(Refusal):
    """A job claims a run that is not its own."""

    code = "training_claim_refused"
    status = 409
    title = "The run is not this job's"
    fix = "Nothing: the run has ended or is another job's. The job ends by itself."


class ClaimLinkRefused(Refusal):
    """The link with which a job claims its run is not ours, or has expired."""

    code = "training_claim_link_refused"
    status = 403
    title = "The link is not valid"
    fix = "Use the link of the job's input as it is, before it expires."
