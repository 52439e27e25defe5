"""Durable workflows in Temporal: an engine beyond this machine, which several systems may share."""

from mercato.adapters.workflows_temporal.connection import TemporalConnection
from mercato.adapters.workflows_temporal.engine import TemporalWorkflows

__all__ = ["TemporalConnection", "TemporalWorkflows"]
