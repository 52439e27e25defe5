"""The data map of deployments."""

from mercato.deployments.models import DeploymentLink
from mercato.platform import WITH_LISTING, LegalBasis, describe

describe(DeploymentLink, "Deployments that send heartbeats.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="deployment_id organisation_id", facts="public_key state figures", measures="interval_seconds sequence",
         times="due_at heard_at linked_at")  # fmt: skip
