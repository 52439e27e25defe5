"""Deployments on the vendor's own machine: a fixed address in front of changing revisions."""
