"""Running releases: their keys, their tokens, and whether they are alive.

* *Link*: a deployment's public key and how often it sends heartbeats; a vendor sets both once.
* *Heartbeat*: a signed message that a deployment runs; it has a sequence number and never counts twice.
* *Stale*: the state of a deployment whose heartbeats are overdue; it is held out of routing until one arrives.
* *Exchange*: a vendor key for a token (`sit_…`) of one deployment that may do no more than the key.
* *Signature*: of the exact bytes of a request, made with the linked key.
"""

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
