"""The policy engine by Cedar, in process; `policy.cedar` has the rules that come with Mercato."""

from mercato.adapters.policy_cedar.engine import CedarPolicy

__all__ = ["CedarPolicy"]
