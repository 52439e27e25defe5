"""Runs as processes of this machine, each under a warden that outlives the worker."""

from mercato.adapters.training_local.provider import LocalProvider

__all__ = ["LocalProvider"]
