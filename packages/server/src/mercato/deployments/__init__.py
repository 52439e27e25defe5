"""Running releases: who they are, what they show, whether they live."""

from mercato.deployments.exchange import LIFE_DEFAULT, TokenExchange
from mercato.deployments.heartbeat import Heartbeats
from mercato.deployments.link import Deployments, DeploymentState
from mercato.deployments.models import DeploymentLink
from mercato.deployments.news import DeploymentLinked, DeploymentLive, DeploymentStale
from mercato.deployments.refusals import NotLinked, OtherDeployment, SignatureRefused
from mercato.deployments.signing import Signatures

__all__ = [
    "LIFE_DEFAULT",
    "DeploymentLink",
    "DeploymentLinked",
    "DeploymentLive",
    "DeploymentStale",
    "DeploymentState",
    "Deployments",
    "Heartbeats",
    "NotLinked",
    "OtherDeployment",
    "SignatureRefused",
    "Signatures",
    "TokenExchange",
]
