"""Pages of operators: what needs a decision, how the marketplace runs, who is in it, what its money does."""

from mercato.console.operator import approvals, audit, money, overview, people, running, settings

ROUTERS = tuple(page.router for page in (overview, approvals, running, people, money, audit, settings))

__all__ = ["ROUTERS"]
