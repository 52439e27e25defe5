"""The policy engine elsewhere, over gRPC, and the reference server of the same contract."""

from mercato.adapters.policy_grpc.engine import GrpcPolicy, PolicyAway
from mercato.adapters.policy_grpc.server import policy_server

__all__ = ["GrpcPolicy", "PolicyAway", "policy_server"]
