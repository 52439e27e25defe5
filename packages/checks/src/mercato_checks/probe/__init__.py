"""Phase 6: calls the endpoint as a consumer would and checks its answers against the contract."""

from mercato_checks.probe.probe import ProbeCheck, ProbeFacts, probe_endpoint

__all__ = ["ProbeCheck", "ProbeFacts", "probe_endpoint"]
