"""Durable workflows in Temporal: an engine beyond this machine, which several systems may share."""

from mercato.adapters.workflows_temporal.connection import TemporalConnection
from mercato.adapters.workflows_temporal.engine import TemporalWorkflows
from mercato.adapters.workflows_temporal.records import TemporalRecords

__all__ = ["TemporalConnection", "TemporalRecords", "TemporalWorkflows"]
